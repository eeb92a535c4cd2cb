import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  error,
  result,
  startKernel,
  stream,
  temporaryFolder,
  text,
  type TestKernel,
} from '../../kit/index.js'

const folder = temporaryFolder()
let kernel: TestKernel
let seconds = 1_000_000
function write(name: string, content: string): void {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  utimesSync(path, ++seconds, seconds)
}
/** The result of the last of some cells. */
async function valueOf(...cells: string[]): Promise<string | undefined> {
  let ran
  for (const cell of cells) {
    ran = await kernel.run(cell)
    expect(ran.status, text(ran.outputs)).toBe('ok')
  }
  return result(ran!.outputs)
}
async function problemOf(cell: string) {
  const { outputs } = await kernel.run(cell)
  expect(outputs.filter(({ output_type }) => output_type === 'error')).toHaveLength(1)
  return error(outputs)!
}

beforeAll(async () => {
  kernel = await startKernel({ folder })
})
afterAll(() => kernel.shutdown())

describe('the first cells of a kernel, which nothing has been read for', () => {
  const first = (cells: string[], ends: (ran: Awaited<ReturnType<TestKernel['run']>>) => unknown) =>
    test(cells.join(' | '), async () => {
      await using own = await startKernel({ folder })
      for (const cell of cells.slice(0, -1)) expect((await own.run(cell)).status).toBe('ok')
      ends(await own.run(cells.at(-1)!))
    })
  const shows = (value: string) => (ran: Awaited<ReturnType<TestKernel['run']>>) =>
    expect(result(ran.outputs), text(ran.outputs)).toBe(value)
  const fails = (code: string) => (ran: Awaited<ReturnType<TestKernel['run']>>) =>
    expect(error(ran.outputs)!.evalue).toContain(code)
  first(['const a = 1', 'a + 1', 'const a = "now text"', 'a.toUpperCase()'], shows("'NOW TEXT'"))
  first(['const n: number = "s"'], fails('TS2322'))
  first(['const a = 1', 'a.toUpperCase()'], fails('TS2339'))
  first(['Buffer.from("ab").length'], shows('2'))
  first(['Buffer.from("ab").nothing'], fails('TS2339'))
  first(['typeof document + typeof fetch'], shows("'undefinedfunction'"))
  first(['const fetch = 5', 'fetch + 1'], shows('6'))
  first(['const one = 1', 'import { sep } from "node:path"', 'one + sep.length'], shows('2'))
})

describe('types', () => {
  test('a cell with a type error does not run, and later cells go on', async () => {
    const problem = await problemOf('console.log("ran"); const n: number = "s"')
    expect(problem.evalue).toContain('TS2322')
    expect(problem.text).toMatch(/Cell \[\d+\], line 1, column 27/)
    expect(problem.text).not.toContain('ran\n')
    expect(await valueOf('1 + 1')).toBe('2')
  })
  test('flow from cell to cell, and the latest declaration counts', async () => {
    await valueOf('const value = [1, 2]', 'value.map((v) => v + 1)')
    expect((await problemOf('value.toUpperCase()')).evalue).toContain('TS2339')
    expect(await valueOf('const value = "now text"', 'value.toUpperCase()')).toBe("'NOW TEXT'")
  })
  test('a name of a cell that did not run says so, until it has', async () => {
    const { reply } = await kernel.run('const missed = 1; const bad: string = missed')
    const problem = await problemOf('missed + 1')
    expect(problem.text).toContain(
      `Cannot find name 'missed'.\n  Cell [${reply.execution_count}] declares it and did not run.`,
    )
    expect(problem.evalue).toBe("TS2304: Cannot find name 'missed'.")
    await valueOf('const missed = 1')
    expect(await valueOf('missed + 1')).toBe('2')
  })
  test('a cell that threw has declared its names all the same', async () => {
    await kernel.run('const early = 5; throw new Error("stop")')
    expect(await valueOf('early')).toBe('5')
  })
  test('@check warn shows the problem and runs, @check off does not look', async () => {
    const warned = await kernel.run('// @check warn\nconst w: number = "s"; w')
    expect(result(warned.outputs)).toBe("'s'")
    expect(stream(warned.outputs, 'stderr')).toContain('TS2322')
    const unchecked = await kernel.run('// @check off\nconst u: number = "s"; u')
    expect([result(unchecked.outputs), stream(unchecked.outputs, 'stderr')]).toEqual(["'s'", ''])
  })
})

describe('what tslab left open', () => {
  test('closures see functions that were declared anew', async () =>
    expect(
      await valueOf(
        'function step() { return 1 }; const run = () => step()',
        'function step() { return 2 }',
        'run()',
      ),
    ).toBe('2'))
  test('an object alone is shown', async () =>
    expect(await valueOf('{ a: 1, b: [2] }')).toBe('{ a: 1, b: [ 2 ] }'))
  test('a Vega-Lite object is no address', async () => {
    const { outputs } = await kernel.run(
      '({ $schema: "https://vega.github.io/schema/vega-lite/v5.json", data: { values: [{ a: 1 }] }, mark: "point", encoding: { x: { field: "a" } } })',
    )
    expect(outputs).toMatchObject([{ output_type: 'execute_result' }])
  })
  test('what display() gives back is not shown again', async () => {
    const { outputs } = await kernel.run('const shown = display("a"); shown')
    expect(outputs.map(({ output_type }) => output_type)).toEqual(['display_data'])
  })
  test('notebooks of tslab show what they did', async () => {
    const { outputs } = await kernel.run(
      'import * as tslab from "tslab"; tslab.display.html("<b>x</b>"); tslab.display.png(new Uint8Array([137, 80]))',
    )
    expect(outputs.map((output) => 'data' in output && Object.keys(output.data)[0])).toEqual([
      'text/html',
      'image/png',
    ])
    const updates = await kernel.run('const d = tslab.newDisplay(); d.text("one"); d.text("two")')
    expect(text(updates.outputs)).toBe('two')
  })
  test('a cell for the browser is shown as a script', async () => {
    write('greet.ts', 'export const greet = (name: string): string => `hi ${name}`')
    const { outputs } = await kernel.run(
      '/** @browser */\nimport { greet } from "./greet"\nconsole.log(greet("you"))',
    )
    expect(outputs).toHaveLength(1)
    expect('data' in outputs[0]! && outputs[0].data['text/javascript']).toContain('hi ${')
  })
  test('a name of the process is a name for a cell too', async () => {
    expect(
      await valueOf(
        'const name = "n", status = 1, process_ = process.argv.length',
        '[name, status, process_]',
      ),
    ).toBe("[ 'n', 1, 2 ]")
    expect(await valueOf('const display = 3', 'display + 1')).toBe('4')
  })
})

describe('modules', () => {
  test('a missing package names the folder and the command', async () => {
    const problem = await problemOf('import x from "not-there"')
    expect(problem.text).toContain(folder)
    expect(problem.text).toContain('npm install not-there')
  })
  test('a file that is edited between cells is loaded anew, with its types, and says so', async () => {
    write('lib.ts', 'export const size = 1')
    await valueOf('import { size } from "./lib"; const twice = () => [size, size]')
    write('lib.ts', 'export const size = "big"')
    const { outputs } = await kernel.run('size.toUpperCase() + twice().length')
    expect(stream(outputs)).toContain('re-loaded lib.ts')
    expect(result(outputs)).toBe("'BIG2'")
  })
  test('%npm installs next to the notebook, and the same cell imports it', async () => {
    write(
      'made/package.json',
      '{ "name": "made", "version": "1.2.3", "type": "module", "exports": { "types": "./i.d.ts", "default": "./i.js" } }',
    )
    write('made/i.js', 'export const answer = 42')
    write('made/i.d.ts', 'export const answer: number')
    const ran = await kernel.run('%npm install ./made\nimport { answer } from "made"; answer')
    expect(text(ran.outputs)).toContain('npm install ./made')
    expect(result(ran.outputs)).toBe('42')
    expect((await problemOf('answer.nothing')).evalue).toContain('TS2339')
  })
  test('an import that fails at run time says what and where', async () => {
    write('broken.ts', 'export const a: number = 1\nthrow new Error("broken at the top")\n')
    const problem = await problemOf('const before = 1\nimport { a } from "./broken"')
    expect(problem.text).toContain('broken.ts, line 2, column 7')
    expect(problem.text).toMatch(/Cell \[\d+\], line 2, column 1/)
  })
})

test('errors hide the kernel and name cells', async () => {
  await valueOf(
    'function outer() {\n  return inner()\n}\nfunction inner(): never {\n  throw new Error("deep", { cause: new TypeError("why") })\n}',
  )
  const { text: said } = await problemOf('await Promise.resolve()\nouter()')
  expect(said).toMatch(/inner Cell \[\d+\], line 5, column 9/)
  expect(said).toMatch(/outer Cell \[\d+\], line 2, column 10/)
  expect(said).toMatch(/Cell \[\d+\], line 2, column 1/)
  expect(said).toContain('Caused by:')
  expect(said).not.toMatch(/node:|gradbook:|dist\/kernel|__scope/)
})

describe('completion and inspection', () => {
  test('are answered while a cell runs', async () => {
    await valueOf('const network = { layers: 3, width: 64 }')
    const running = kernel.run('await new Promise((resolve) => setTimeout(resolve, 500)); 1')
    const { content } = await kernel.request('shell', 'complete_request', {
      code: 'network.la',
      cursor_pos: 10,
    })
    expect(content).toMatchObject({ matches: ['layers'], cursor_start: 8, cursor_end: 10 })
    expect(content.metadata._jupyter_types_experimental[0]).toMatchObject({ type: 'property' })
    expect((await running).status).toBe('ok')
  })
  test('the value of a name is shown with its type', async () => {
    const { content } = await kernel.request('shell', 'inspect_request', {
      code: 'network',
      cursor_pos: 3,
      detail_level: 0,
    })
    expect(content.data['text/plain']).toContain('const network: {')
    expect(content.data['text/plain']).toContain('layers: 3')
  })
  test('a function is its declaration with all of its documentation', async () => {
    await valueOf('/**\n * Scales.\n * @param by how much\n */\nfunction scale(by: number) { return by }\n1')
    const { content } = await kernel.request('shell', 'inspect_request', {
      code: 'scale',
      cursor_pos: 3,
      detail_level: 0,
    })
    expect(content.data['text/plain']).toBe(
      'function scale(by: number): number\n\nScales.\n\n*@param* `by` — how much',
    )
  })
})

test('a value that refuses to be looked into does not fail the cell that shows it', async () => {
  const { status, outputs } = await kernel.run(`new Proxy({}, { get() { throw new Error('not for you') } })`)
  expect(status).toBe('ok')
  expect(result(outputs)).toContain('not for you')
})
