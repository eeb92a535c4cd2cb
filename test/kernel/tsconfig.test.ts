import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { result, temporaryFolder, text, useKernel } from '../kit/index.js'

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
