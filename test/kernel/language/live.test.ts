import { beforeAll, describe, expect, test } from 'vitest'
import { result, temporaryFolder, text, useKernel, writerIn } from '../../kit/index.js'

const folder = temporaryFolder()
const write = writerIn(folder)
write('node_modules/untyped/package.json', '{ "name": "untyped", "version": "1.0.0", "main": "i.js" }')
write(
  'node_modules/untyped/i.js',
  'exports.addUp = function addUp(first, { second } = {}) { return first }\nexports.VERSION = "1.2"',
)
const kernel = useKernel({ folder })

beforeAll(async () => {
  const { status, outputs } = await kernel.run(`interface Item { id: number; "with-dash": 2 }
const items: Item[] = [{ id: 1, "with-dash": 2 }]
const found = items.find((item) => item.id === 1)
const parsed: any = JSON.parse('{"alpha": 1, "beta": {"a-b": [1, 2], "ok": "x"}, "1st": 2, "class": 3, "q\\'s": 4}')
const record: Record<string, number> = { one: 1, "two-3": 2, 7: 7 }
const mixed = { "with-dash": 1, ok: 2, "1st": 4, 5: 6 }
process.env.GRADBOOK_LIVE_TEST = 'seen'
import untyped from 'untyped'
let ran = 0
const getters: any = { get trap() { ran++; return { in: 1 } }, plain: 2 }
const trap = () => { ran++; return undefined }
const proxy: any = new Proxy({ inner: 1 }, { get: trap, has: () => !!trap(), ownKeys: () => { ran++; return ['zap'] }, getOwnPropertyDescriptor: trap, getPrototypeOf: () => { ran++; return null } })
Object.defineProperty(globalThis, 'sneaky', { configurable: true, get() { ran++; return { a: 1 } } })
class Kept { own = 1; get got() { ran++; return 2 }; method(a: number, b = 2) { return a + b } }
const kept: any = new Kept()
const bytes: any = new Float32Array(5)
/**
 * How fast it learns.
 * @see epochs
 */
const rate = 0.1
/** How long. */
export let epochs = 3`)
  expect(status, text(outputs)).toBe('ok')
})

/** What the text becomes with each completion at the `~`. */
async function completed(written: string): Promise<string[]> {
  const at = written.indexOf('~')
  const code = written.replace('~', '')
  const { content } = await kernel.request('shell', 'complete_request', { code, cursor_pos: at })
  return content.matches.map(
    (match: string) => code.slice(0, content.cursor_start) + match + code.slice(content.cursor_end),
  )
}

/** What is shown of the name before the `~`. */
async function seen(written: string): Promise<string | undefined> {
  const { content } = await kernel.request('shell', 'inspect_request', {
    code: written.replace('~', ''),
    cursor_pos: written.indexOf('~'),
    detail_level: 0,
  })
  return content.data['text/plain']
}

describe('an accepted completion is a program', () => {
  const cases: [string, string[]][] = [
    ['found.~', ['found?.id', 'found?.["with-dash"]']],
    ['found.i~', ['found?.id']],
    ['found?.~', ['found?.id', 'found?.["with-dash"]']],
    ['items[0].w~', ['items[0]["with-dash"]']],
    ["found!['w~']", ["found!['with-dash']"]],
    ['mixed.~', ['mixed["1st"]', 'mixed[5]', 'mixed.ok', 'mixed["with-dash"]']],
    ['mixed["o~"]', ['mixed["ok"]']],
    ['const a: Item = { w~ }', ['const a: Item = { "with-dash" }']],
    ['const a: Item = { "w~" }', ['const a: Item = { "with-dash" }']],
    ['const a = (mode: "x-y" | "z") => mode; a("x~")', ['const a = (mode: "x-y" | "z") => mode; a("x-y")']],
    ['class A { #own = 1; m() { return this.#o~ } }', ['class A { #own = 1; m() { return this.#own } }']],
    ['new Map<string, Item>().get("a").i~', ['new Map<string, Item>().get("a")?.id']],
    ['found\n  .i~', ['found\n  ?.id']],
  ]
  test.each(cases)('%s', async (written, expected) => expect(await completed(written)).toEqual(expected))
})

describe('what types say nothing of completes with what is there', () => {
  const cases: [string, string[]][] = [
    ['parsed.~', ['parsed.alpha', 'parsed.beta', 'parsed["1st"]', 'parsed.class', `parsed["q's"]`]],
    ['parsed.al~', ['parsed.alpha']],
    ['parsed?.al~', ['parsed?.alpha']],
    ['parsed.beta.~', ['parsed.beta["a-b"]', 'parsed.beta.ok']],
    ['parsed.beta\n  .o~', ['parsed.beta\n  .ok']],
    ['parsed.beta["a-b"][0].toFi~', ['parsed.beta["a-b"][0].toFixed']],
    ['parsed["be~"]', ['parsed["beta"]']],
    ["parsed['q~']", ["parsed['q\\'s']"]],
    ['console.log(parsed.al~)', ['console.log(parsed.alpha)']],
    ['record.~', ['record.one', 'record["two-3"]']],
    ['record["~"]', ['record["7"]', 'record["one"]', 'record["two-3"]']],
    ['process.env.GRADBOOK_LIVE~', ['process.env.GRADBOOK_LIVE_TEST']],
    ['untyped.~', ['untyped.addUp', 'untyped.VERSION']],
    ['kept.~', ['kept.own', 'kept.got', 'kept.method']],
    ['bytes.byteL~', ['bytes.byteLength']],
    ['getters.~', ['getters.trap', 'getters.plain']],
    ['getters.trap.~', []],
    ['proxy.~', []],
    ['proxy.inner.~', []],
    ['globalThis.sneaky.~', []],
    ['f().~', []],
    ['5.~', []],
  ]
  test.each(cases)('%s', async (written, expected) => expect(await completed(written)).toEqual(expected))
})

test('names alone are what front ends filter by: without the dot', async () => {
  for (const [code, name] of [
    ['process.env.GRADBOOK_LIVE', 'GRADBOOK_LIVE_TEST'],
    ['parsed.al', 'alpha'],
    ['untyped.', 'addUp'],
  ] as const) {
    const { content } = await kernel.request('shell', 'complete_request', { code, cursor_pos: code.length })
    expect(content.matches).toContain(name)
    expect(content.cursor_start).toBe(code.lastIndexOf('.') + 1)
  }
})

describe('and shows it', () => {
  const cases: [string, string | undefined][] = [
    ['parsed.al~pha', 'alpha: number\n\n1'],
    ['parsed.beta["a-b"]~', 'a-b: number[]\n\n[ 1, 2 ]'],
    ['untyped.add~Up', 'function addUp(first, { second } = {}): any'],
    ['untyped.addUp(~', 'function addUp(first, { second } = {}): any'],
    ['untyped.VER~SION', "VERSION: string\n\n'1.2'"],
    ['get~ters', 'getters: object\n\n{ trap: [Getter], plain: 2 }'],
    ['getters.tr~ap', undefined],
    ['pro~xy', 'proxy: Proxy\n\n{ inner: 1 }'],
    ['proxy.in~ner', undefined],
    ['kept.met~hod', 'function method(a, b = 2): any'],
    ['process.env.GRADBOOK_LIVE~_TEST', "string | undefined\n\n'seen'"],
    ['no_such~', undefined],
  ]
  test.each(cases)('%s', async (written, expected) => expect(await seen(written)).toBe(expected))

  test('with what a constant of an older cell was written for', async () => {
    expect(await seen('ra~te')).toBe('const rate: 0.1\n\n0.1\n\nHow fast it learns.\n\n*@see* — epochs')
    expect(await seen('epo~chs')).toBe('let epochs: number\n\n3\n\nHow long.')
  })
})

test('nothing of the user’s was run for any of it', async () =>
  expect(result((await kernel.run('ran')).outputs)).toBe('0'))

test('while a cell runs the types answer alone', async () => {
  const running = kernel.run('await new Promise((resolve) => setTimeout(resolve, 1_000))')
  expect(await completed('found.i~')).toEqual(['found?.id'])
  expect(await completed('parsed.al~')).toEqual([])
  expect((await running).status).toBe('ok')
})
