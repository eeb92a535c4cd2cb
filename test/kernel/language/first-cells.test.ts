import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { FirstCells } from '../../../kernel/language/program/first-cells.js'
import { createLanguage } from '../../../kernel/language/language.js'
import { startService } from '../../../kernel/language/typescript/start.js'
import { temporaryFolder } from '../../kit/files.js'
import { home, session } from './session.js'

const cleanUp: (() => Promise<void> | void)[] = []
afterAll(async () => {
  for (const clean of cleanUp) await clean()
})

/** A language whose service is ready when the test says so. */
function slowLanguage(folder = temporaryFolder()) {
  const started = startService({ folder, home })
  let release!: () => void
  const ready = new Promise<void>((resolve) => (release = resolve)).then(() => started.ready)
  const language = createLanguage({ folder, home, started: { ...started, ready } })
  onTestFinished(() => language.close())
  const check = async (text: string) => {
    const problems = await language.check({ number: 1, text })
    if (problems.length === 0) language.commit({ number: 1, text })
    return problems.map(({ code, place }) => `${code} ${place.line}:${place.column}`)
  }
  return { language, check, release }
}

describe('while the type service reads its types', () => {
  test('cells of the language alone are checked at once, with the types of those before', async () => {
    const { check, release } = slowLanguage()
    expect(await check('const rates = [0.1, 0.2]; class Learner { rate = rates[0] }')).toEqual([])
    expect(await check('console.log("rate", new Learner().rate?.toFixed(2)); rates.length')).toEqual([])
    expect(await check('const rates = "now text"; display(html(rates))')).toEqual([])
    expect(await check('rates.toUpperCase()')).toEqual([])
    release()
    expect(await check('rates.nothing')).toEqual(['TS2339 1:7'])
    expect(await check('new Learner().rate!.nothing')).toEqual(['TS2339 1:21'])
  })

  const waits = (title: string, cells: string[], found: string[]) =>
    test(title, async () => {
      const { check, release } = slowLanguage()
      for (const cell of cells.slice(0, -1)) expect(await check(cell)).toEqual([])
      const answer = check(cells.at(-1)!)
      expect(await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 300, 'waits'))])).toBe(
        'waits',
      )
      release()
      expect(await answer).toEqual(found)
    })
  waits('a type error is told by the service', ['const n: number = "s"'], ['TS2322 1:7'])
  waits('so is one about an earlier cell', ['const a = 1', 'a.toUpperCase()'], ['TS2339 1:3'])
  waits('a name of browsers is known to it', ['document.title.length'], [])
  waits('and so are those of Node', ['Buffer.from("a").toStrin()'], ['TS2551 1:18'])
  waits('and those of both', ['(await fetch("http://localhost")).okay'], ['TS2339 1:35'])
  waits('a global that a cell declares is its own', ['const document = 5', 'document.title'], ['TS2339 1:10'])
  waits('an import is looked up by it', ['import fs from "node:fs"; fs.nothing'], ['TS2339 1:30'])
  waits('a property of the global object', ['globalThis.setTimeout = 5'], ['TS2322 1:1'])
  waits(
    'a comment that expects a problem',
    ['// @ts-expect-error\ndocument.title = "no problem"'],
    ['TS2578 1:1'],
  )
  waits('more cells than there is room for', ['let a = 1', 'let b = a', 'let c = b', 'let d = c', 'd'], [])
  waits('a cell with a problem that is not to be looked for', ['let a = 1', '// @check off\na = ""'], [])

  test('the cells are there for completion and inspection afterwards', async () => {
    const { check, language, release } = slowLanguage()
    await check('/** How fast. */\nfunction learningRate() { return 0.1 }')
    release()
    expect((await language.complete('learn', 5)).items.map(({ text }) => text)).toContain('learningRate')
    expect(await language.inspect('learningRate', 3)).toMatchObject({ documentation: 'How fast.' })
  })

  test('a notebook beside a tsconfig.json is for the service alone', () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'tsconfig.json'), '{}')
    const { first, service, workspace } = startService({ folder, home })
    void service.close()
    workspace.close()
    expect(first).toBeUndefined()
  })

  test.each(['tslab', 'jslab'] as const)('so is one of %s, whose cells are checked otherwise', (as) => {
    const { first, service, workspace } = startService({ folder: temporaryFolder(), home, as })
    void service.close()
    workspace.close()
    expect(first).toBeUndefined()
  })
})

describe('what passes without the service passes with it', () => {
  const { first, service, workspace } = startService({ folder: temporaryFolder(), home })
  const notebook = session()
  cleanUp.push(
    () => first!.close(),
    () => service.close(),
    () => workspace.close(),
    () => notebook.language.close(),
  )
  const passes = (text: string) => new FirstCells(first!, notebook.folder).passes(text)

  test.each([
    '1 + 1',
    'let name = "a"; name.toUpperCase()',
    'const wait = async <T>(value: T) => value; for await (const n of [wait(1)]) n.toFixed()',
    'Error.captureStackTrace(new Error("x")); Error.stackTraceLimit + 1',
    'Error.prepareStackTrace = (error, sites) => sites.map((site) => site.getLineNumber())',
    'class File { [Symbol.dispose]() {} }; { using file = new File() }',
    '[1, 2].toSorted((a, b) => b - a).at(-1)',
    '{ a: 1, b: [2] }',
    'const add = (a, { b }, ...rest) => a + b + rest.length; let last; last = add(1, { b: 2 }); const losses = []',
    'console.log(1, "a"); console.error(new Error("b"))',
    'const shown = display(markdown("**a**"), { display_id: "x" }); shown.update(5); clearOutput({ wait: true })',
  ])('%s', async (cell) => {
    expect(await passes(cell)).toBe(true)
    expect(await notebook.check(cell)).toEqual([])
  })

  test.each([
    'nobody',
    'name',
    'setTimeout(() => {}, 1)',
    'const c = console; c.log("a")',
    'console.table([1])',
    // Not every Node has these.
    'Object.groupBy([1, 2], (n) => (n > 1 ? "more" : "less"))',
    'new Set([1]).union(new Set([2]))',
    '[1, 2].values().map((n) => n + 1)',
    '[console].length',
    'const element: HTMLElement | undefined = undefined',
    'import("node:fs")',
    '\\u0067lobalThis.x',
    'const e = <b>x</b>',
    '/// <reference lib="dom" />\n1',
    'declare global { interface Window { mine: number } }',
    '/** @module ./mine */\nexport const a = 1',
  ])('is left to the service: %s', async (cell) => expect(await passes(cell)).toBe(false))

  test('every cell of the notebooks', async () => {
    const folder = join(home, 'notebooks')
    const cells = readdirSync(folder)
      .filter((name) => name.endsWith('.ipynb'))
      .flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')).cells)
      .filter(({ cell_type }) => cell_type === 'code')
      .map(({ source }) => [source].flat().join(''))
    expect(cells.length).toBeGreaterThan(20)
    for (const cell of cells) if (await passes(cell)) expect(await notebook.check(cell), cell).toEqual([])
  })
})

describe('the small world says of the language what the full one says', () => {
  const typescript = join(home, 'dist', 'kernel', 'language')

  /** The names of global interfaces, namespaces and variables that a file adds to. */
  function namesIn(file: string): string[] {
    const { program } = parseSync(file, readFileSync(file, 'utf8'), { lang: 'dts', sourceType: 'module' })
    const isModule = program.body.some(({ type }) => /^(?:Import|Export|TSImport|TSExport)/.test(type))
    const declared = (body: any[]): string[] =>
      body
        .map((node) => node.declaration ?? node)
        .flatMap(({ id, declarations }) => declarations?.map((each: any) => each.id.name) ?? id?.name ?? [])
    const globals = (body: any[]): string[] =>
      body.flatMap(({ type, kind, id, body: inner }) => {
        if (type === 'TSGlobalDeclaration' || kind === 'global') return declared(inner.body)
        return type === 'TSModuleDeclaration' && id.type === 'Literal' ? globals(inner?.body ?? []) : []
      })
    return [...(isModule ? [] : declared(program.body)), ...globals(program.body)]
  }

  test("what Node's types and those of browsers add to it is there too", () => {
    const types = dirname(createRequire(join(home, 'package.json')).resolve('@types/node/package.json'))
    const language = new Set([
      ...namesIn(join(typescript, 'lib', 'lib.es.d.ts')),
      ...namesIn(join(typescript, 'lib', 'lib.es2025.iterator.d.ts')),
    ])
    expect(language.size).toBeGreaterThan(150)
    const added = new Set(
      [
        join(typescript, 'lib', 'lib.dom.d.ts'),
        ...readdirSync(types, { recursive: true, encoding: 'utf8' })
          .filter((name) => name.endsWith('.d.ts') && !/^ts\d/.test(name))
          .map((name) => join(types, name)),
      ]
        .flatMap(namesIn)
        .filter((name) => language.has(name)),
    )
    expect(added).toContain('ErrorConstructor')
    const small = new Set(namesIn(join(typescript, 'first', 'node.d.ts')))
    // `import.meta` is left to the service.
    expect([...added].filter((name) => !small.has(name))).toEqual(['ImportMeta'])
  })
})
