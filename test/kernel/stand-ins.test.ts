import { describe, expect, test } from 'vitest'
import { kernelCommand } from '../../kernel/cli/own-files.js'
import { error, result, stream, temporaryFolder, text, useKernel } from '../kit/index.js'

/** The kernel as the kernelspec of `gradbook install --as` starts it. */
const as = (name: string) =>
  useKernel({ folder: temporaryFolder(), command: (file) => [...kernelCommand(file), '--as', name] })

describe("tslab's notebooks, as tslab", () => {
  const kernel = as('tslab')
  test('are checked without strict', async () => {
    const { outputs } = await kernel.run(
      'let obj = { x: null }; let list = []; list.push(1); [obj?.x?.z, list]',
    )
    expect(result(outputs)).toBe('[ undefined, [ 1 ] ]')
    expect(error((await kernel.run('let n: number = "s"')).outputs)?.evalue).toContain('TS2322')
  })
  test('show a promise as it is', async () =>
    expect(result((await kernel.run('new Promise((resolve) => setTimeout(resolve, 5))')).outputs)).toBe(
      'Promise { <pending> }',
    ))
})

describe("jslab's notebooks, as jslab", () => {
  const kernel = as('jslab')
  test('say that they are JavaScript', () =>
    expect(kernel.info.language_info).toMatchObject({ name: 'javascript', file_extension: '.js' }))
  test('are JavaScript: a constructor declares, and so do doc comments', async () => {
    await kernel.run(
      'class Hello { constructor(name) { this.name = name } hi() { return `Hi ${this.name}` } }\n/** @param {number} n */\nfunction twice(n) { return 2 * n }\nlet count = 1\n/** @type {any} */\nlet free = 1',
    )
    expect(result((await kernel.run('free = "x"; count += 2; [new Hello("you").hi(), count]')).outputs)).toBe(
      "[ 'Hi you', 3 ]",
    )
    expect(error((await kernel.run('twice("s")')).outputs)?.evalue).toContain('TS2345')
    expect(error((await kernel.run('count = "s"')).outputs)?.evalue).toContain('TS2322')
    expect(error((await kernel.run('const typed: number = 1')).outputs)?.evalue).toContain('TS8010')
  })
  test('may add to objects, and start with nothing', async () => {
    const { outputs } = await kernel.run(
      'const o = { a: 1 }; o.b = 2; let list = []; list.push(1); let best = null; best = 5; [o, list, best]',
    )
    expect(text(outputs)).toBe('[ { a: 1, b: 2 }, [ 1 ], 5 ]')
  })
  test("require tslab's displays", async () => {
    const { outputs } = await kernel.run(
      'const tslab = require("tslab")\nconst fs = require("fs")\ntslab.display.html("<b>x</b>"); console.log(tslab.versions.node, typeof fs.statSync)',
    )
    expect(outputs[0]).toMatchObject({ output_type: 'display_data', data: { 'text/html': '<b>x</b>' } })
    expect(stream(outputs)).toBe(`${process.version} function\n`)
  })
  test('complete and explain names of other cells', async () => {
    await kernel.run('const point = { across: 1, up: 2 }')
    const { content } = await kernel.request('shell', 'complete_request', { code: 'point.', cursor_pos: 6 })
    expect(content.matches).toEqual(['across', 'up'])
  })
  test('import cells that are files, and make elements', async () => {
    await kernel.run('/** @module lib */\nexport const one = (x) => x + 1')
    const cell =
      '/** @jsx h */\nimport { one } from "./lib"\nconst h = (tag, _, ...kids) => [tag, kids]\nconst made = <b>{one(1)}</b>\nmade'
    const { outputs } = await kernel.run(cell)
    expect(text(outputs)).toBe("[ 'b', [ 2 ] ]")
  })
})
