import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  plain,
  result,
  startKernel,
  stream,
  temporaryFolder,
  text,
  useKernel,
  writerIn,
} from '../../kit/index.js'
import { sources, tsconfigs } from '../../kit/tsconfigs.js'

const folder = temporaryFolder()
const files = {
  'tsconfig.json': `{
  // As a frontend project has it.
  "compilerOptions": { "jsx": "react-jsx", "jsxImportSource": "tiny", "target": "ES2019", "experimentalDecorators": true, "paths": { "@/*": ["./src/*"] }, }
}`,
  'node_modules/tiny/package.json': '{ "name": "tiny", "exports": { "./jsx-runtime": "./runtime.js" } }',
  'node_modules/tiny/runtime.js': 'exports.jsx = exports.jsxs = (tag, props) => ({ tag, props })',
  'src/part.tsx':
    'export const part = <p>part</p>\nexport class Old { @mark n = 1 }\nfunction mark(target: any, name: string) { target.marked = name }',
}
for (const [name, content] of Object.entries(files)) {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), content)
}
const kernel = useKernel({ folder })
async function valueOf(cell: string) {
  const { status, outputs } = await kernel.run(cell)
  expect(status, text(outputs)).toBe('ok')
  return result(outputs)
}

test('elements are made as the tsconfig.json says, unless the cell says otherwise', async () => {
  expect(await valueOf('const name = "x"; const element = <b id={name}>hi</b>; element')).toBe(
    "{ tag: 'b', props: { id: 'x', children: 'hi' } }",
  )
  expect(
    await valueOf(
      '/** @jsxRuntime classic */\n/** @jsx h */\nconst h = (tag: string) => tag\nconst i = <i/>; i',
    ),
  ).toBe("'i'")
})
test('decorators and fields are those of its options', async () => {
  expect(
    await valueOf(
      'function mark(target: any, name: string) { target.marked = name }\nclass A { @mark n = 1 }\n;(new A() as any).marked',
    ),
  ).toBe("'n'")
  expect(
    await valueOf('class B { twice = this.n * 2; constructor(private n: number) {} }\nnew B(4).twice'),
  ).toBe('8')
})
test('paths hold for import and require, and files beside the notebook follow the options too', async () => {
  expect(
    await valueOf('import { part, Old } from "@/part"\n[part.props.children, (new Old() as any).marked]'),
  ).toBe("[ 'part', 'n' ]")
  expect(await valueOf('require("@/part").part.tag')).toBe("'p'")
})

describe('as people have it, at run time', () => {
  const cells = [
    'import { lib, Level } from "./lib"; [lib, Level.High, (await import("./src/part.js")).part, require("./src/core.ts").core]',
    'import { readFileSync } from "node:fs"; [typeof readFileSync, typeof process.version, Buffer.from("a").length, typeof fetch]',
    'import { digits } from "gradbook"; typeof digits',
  ]
  const results = ["[ 1, 1, [ 'core' ], 'core' ]", "[ 'function', 'string', 1, 'function' ]", "'function'"]
  const aliases: { [title: string]: string } = {
    "Vite's with aliases": '@/core',
    "Next's": '@/core.ts',
    "Nest's": 'src/core',
    'a package of a monorepo': '@app/core',
  }
  test.each(Object.keys(aliases))('%s', async (title) => {
    const beside = temporaryFolder()
    const write = writerIn(beside)
    for (const [name, content] of Object.entries({ ...sources, ...tsconfigs[title] })) write(name, content)
    write('by-alias.ts', `export { core as aliased } from '${aliases[title]}'\n`)
    await using own = await startKernel({ folder: beside })
    const shown: (string | undefined)[] = []
    for (const cell of cells) {
      const { outputs } = await own.run(cell)
      shown.push(result(outputs) ?? text(outputs))
    }
    expect(shown).toEqual(results)
    const alias = JSON.stringify(aliases[title])
    const { outputs } = await own.run(
      `import { core } from ${alias}; import { aliased } from './by-alias'; [core, aliased, require(${alias}).core]`,
    )
    expect(result(outputs) ?? text(outputs)).toBe("[ 'core', 'core', 'core' ]")
  })

  test('a broken one is told once, by name and line, and an edited one holds for what is loaded already', async () => {
    const beside = temporaryFolder()
    const write = writerIn(beside)
    write('tsconfig.json', '{\n  "compilerOptions": { "strict": }\n}')
    write('src/a.ts', 'export class A { twice = this.n * 2; constructor(private n: number) {} }')
    await using own = await startKernel({ folder: beside })
    const first = await own.run('1 +')
    expect(stream(first.outputs, 'stderr')).toContain("expected a value, received '}'")
    expect(plain(stream(first.outputs, 'stderr'))).toMatch(/tsconfig\.json, line 2, column 34\n/)
    expect(stream((await own.run('1')).outputs, 'stderr')).toBe('')
    expect(result((await own.run('import { A } from "./src/a"; new A(2).twice')).outputs)).toBe('NaN')
    write('tsconfig.json', '{ "compilerOptions": { "target": "es2016", "paths": { "~/*": ["./src/*"] } } }')
    const { outputs } = await own.run('new A(2).twice')
    expect(stream(outputs)).toContain('re-loaded a.ts')
    expect(result(outputs)).toBe('4')
    expect(result((await own.run('import { A as B } from "~/a"; B === A')).outputs)).toBe('true')
  })
})

test('decorators are told the types of what they decorate, where it says so', async () => {
  const beside = temporaryFolder()
  const write = writerIn(beside)
  for (const [name, content] of Object.entries(tsconfigs["Nest's"]!)) write(name, content)
  write('types.ts', 'export interface Shape { a: number }\nexport class Repo { find() { return 1 } }')
  write(
    'service.ts',
    'import { Repo, Shape } from "./types"\nexport const kept: any[] = []\nconst mark = (target: any, key?: any) => void kept.push([key, (Reflect as any).getMetadata("design:type", target, key), (Reflect as any).getMetadata("design:paramtypes", target, key)])\n@mark\nexport class Service {\n  @mark name: string = "s"\n  constructor(private repo: Repo, shape: Shape) {}\n  @mark run(count: number): void { throw new Error("at its line") }\n}',
  )
  await using own = await startKernel({ folder: beside })
  const metadata = `const known = new WeakMap<object, Map<unknown, any>>()
Object.assign(Reflect, {
  metadata: (name: string, value: unknown) => (target: object, key?: unknown) => {
    if (!known.has(target)) known.set(target, new Map())
    known.get(target)!.set(\`\${String(key)} \${name}\`, value)
  },
  getMetadata: (name: string, target: object, key?: unknown) => known.get(target)?.get(\`\${String(key)} \${name}\`),
})`
  expect((await own.run(metadata)).status).toBe('ok')
  const seen =
    "[['name', 'String', undefined], ['run', 'Function', ['Number']], [undefined, undefined, ['Repo', 'Object']]]"
  const plainNames =
    'kept.map(([key, type, parameters]) => [key, type?.name, parameters?.map((p: any) => p.name)])'
  const ran = await own.run(`import { kept, Service } from './service'; ${plainNames}`)
  expect(result(ran.outputs)?.replaceAll(/\s+/g, '') ?? text(ran.outputs)).toBe(seen.replaceAll(/\s+/g, ''))
  const thrown = await own.run(`new Service({} as any, {} as any).run(1)`)
  expect(text(thrown.outputs)).toContain('service.ts, line 8, column')
  const cell = await own.run(`import { Repo, Shape } from './types'
const kept2: any[] = []
const mark2 = (target: any, key?: any, index?: any) => void kept2.push([key ?? index, (Reflect as any).getMetadata('design:paramtypes', target, key)?.map((p: any) => p.name)])
@mark2 class Local { constructor(repo: Repo, @mark2 shape: Shape, when: Date) {} }
kept2`)
  expect(result(cell.outputs) ?? text(cell.outputs)).toBe(
    "[ [ 1, [ 'Repo', 'Object', 'Date' ] ], [ undefined, [ 'Repo', 'Object', 'Date' ] ] ]",
  )
})
