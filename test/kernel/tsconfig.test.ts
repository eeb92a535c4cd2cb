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
} from '../kit/index.js'
import { sources, tsconfigs } from '../kit/tsconfigs.js'

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
