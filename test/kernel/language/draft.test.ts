import { afterAll, describe, expect, test } from 'vitest'
import { session } from './session.js'

describe('problems of cells as they stand in the editor', () => {
  const { language, check } = session()
  afterAll(() => language.close())

  async function diagnose(...texts: string[]) {
    const cells = texts.map((text, i) => ({ id: `${i}`, text }))
    const found = await language.diagnose(cells)
    return texts.map((_, i) =>
      found
        .find(({ id }) => id === `${i}`)!
        .diagnostics.map(({ code, place }) => `${code} ${place.line}:${place.column}`),
    )
  }

  test('a cell sees the cells above it, though none was run', async () => {
    expect(await diagnose('const a = 1', 'a.toFixed(2)', 'a.nothing')).toEqual([[], [], ['TS2339 1:3']])
  })

  test('knows the globals of cells, modules of Node and the options of the program', async () => {
    const globals = "display(html('<b>x</b>'))\nhost.interrupt.aborted"
    const node = "import { readFileSync } from 'fs'\nreadFileSync('x', 'utf8').length"
    expect(await diagnose(globals, node, 'const f = (a) => a', 'await f(1)')).toEqual([[], [], [], []])
  })

  test('also in a long notebook', async () => {
    const cells = Array.from({ length: 40 }, (_, i) => `const a${i} = display(${i})`)
    const found = await diagnose(...cells, 'a39.id.nothing')
    expect(found.flat()).toEqual(['TS2339 1:8'])
  })

  test('and not those below it', async () => {
    expect(await diagnose('qzx', 'const qzx = 1')).toEqual([['TS2304 1:1'], []])
  })

  test('an edit above is felt below, in cells that use its names', async () => {
    expect(await diagnose('const a = 1', 'const b = a', 'b.toFixed()')).toEqual([[], [], []])
    expect(await diagnose("const a = 'x'", 'const b = a', 'b.toFixed()')).toEqual([[], [], ['TS2551 1:3']])
  })

  test('a redeclared name has the type of the nearest cell above', async () => {
    expect(await diagnose('let x = 1', 'x.trim()', "let x = 'text'", 'x.trim()')).toEqual([
      [],
      ['TS2339 1:3'],
      [],
      [],
    ])
  })

  test('is apart from the cells that ran: neither changes the other', async () => {
    await check('const a = { ran: true }')
    expect(await diagnose('a')).toEqual([['TS2304 1:1']])
    await diagnose('const a = 5')
    expect(await check('a.ran')).toEqual([])
  })

  test('offsets count in the text of the cell', async () => {
    const found = await language.diagnose([{ id: 'x', text: 'const n: number =\n  "text"' }])
    expect(found[0]!.diagnostics[0]!.place).toMatchObject({ line: 1, start: 6, end: 7 })
  })

  test('more cells than the program has room for, and fewer again', async () => {
    const many = Array.from({ length: 40 }, (_, i) =>
      i === 0 ? 'const v0 = 0' : `const v${i} = v${i - 1} + 1`,
    )
    expect((await diagnose(...many, 'v39.nothing')).at(-1)).toEqual(['TS2339 1:5'])
    expect(await diagnose('const v = 1', 'v.nothing')).toEqual([[], ['TS2339 1:3']])
  })
})

test('a cell that is a file is found by those that import it, once it has run', async () => {
  const { check, language: own } = session()
  const file = '/** @module shapes */\nexport const sides: number = 4'
  expect(await check(file)).toEqual([])
  const cells = [file, 'import { sides } from "./shapes"; const wrong: string = sides']
  const found = await own.diagnose(cells.map((text, index) => ({ id: String(index), text })))
  expect(found.map(({ diagnostics }) => diagnostics.map(({ code }) => code))).toEqual([[], ['TS2322']])
  await own.close()
})
