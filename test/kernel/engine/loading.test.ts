import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { error, patience, result, useKernel, type Ran, temporaryFolder } from '../../kit/index.js'

const folder = temporaryFolder()
const kernel = useKernel({ folder })

function write(name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), text)
}

/** A package whose loading loops, or waits. */
function writePackage(name: string, type: 'module' | 'commonjs', text: string): void {
  write(
    `node_modules/${name}/package.json`,
    JSON.stringify({ name, version: '1.0.0', type, main: 'index.js' }),
  )
  write(`node_modules/${name}/index.js`, text)
}

/** Runs a cell, and presses Stop in it once the file it loads says that it is there. */
async function stopWhileLoading(code: string): Promise<void> {
  const begun = kernel.wait(
    ({ header, content }) => header.msg_type === 'stream' && content.text.includes('loading'),
    { timeout: patience },
  )
  const running = kernel.run(`// @ts-nocheck\n${code}`)
  await begun
  await sleep(50)
  await kernel.interrupt()
  const stopped: Ran = await running
  expect(error(stopped.outputs)?.ename).toBe('Interrupted')
}

const valueOf = async (code: string) => {
  const { outputs, status, reply } = await kernel.run(`// @ts-nocheck\n${code}`)
  expect([status, reply.evalue]).toEqual(['ok', undefined])
  return result(outputs)
}

const loop = `console.log('loading'); while (true) {}`
const wait = `console.log('loading'); await new Promise(() => {})`

describe('a local file that was stopped in the middle of its loading loads again when it was mended', () => {
  const files: { [name: string]: [file: string, broken: string, mended: string, cell: string] } = {
    TypeScript: [
      'a.ts',
      `export const a: number = 1\n${loop}`,
      `export const a: number = 2`,
      `import { a } from './a.ts'\na`,
    ],
    'TypeScript that waits': [
      'b.ts',
      `export const a = 1\n${wait}`,
      `export const a = 2`,
      `import { a } from './b.ts'\na`,
    ],
    JavaScript: [
      'c.js',
      `export const a = 1\n${loop}`,
      `export const a = 2`,
      `import { a } from './c.js'\na`,
    ],
    'an ES module': [
      'd.mjs',
      `export function f() { return a }\n${loop}\nconst a = 1`,
      `export function f() { return a }\nconst a = 2`,
      `import { f } from './d.mjs'\nf()`,
    ],
    'an ES module that waits': [
      'e.mjs',
      `export const a = 1\n${wait}`,
      `export const a = 2`,
      `import { a } from './e.mjs'\na`,
    ],
    'a CommonJS module': [
      'f.cjs',
      `exports.a = 1\n${loop}`,
      `exports.a = 2`,
      `import { a } from './f.cjs'\na`,
    ],
    'a CommonJS module that is required': [
      'g.cjs',
      `exports.a = 1\n${loop}`,
      `exports.a = 2`,
      `require('./g.cjs').a`,
    ],
    'TypeScript that is required': [
      'h.ts',
      `export const a: number = 1\n${loop}`,
      `export const a: number = 2`,
      `require('./h.ts').a`,
    ],
    'TypeScript that is imported by a function': [
      'i.ts',
      `export const a = 1\n${loop}`,
      `export const a = 2`,
      `(await import('./i.ts')).a`,
    ],
  }
  for (const [name, [file, broken, mended, cell]] of Object.entries(files))
    test(name, async () => {
      write(file, broken)
      await stopWhileLoading(cell)
      await sleep(20)
      write(file, mended)
      expect(await valueOf(cell)).toBe('2')
    })

  test('as it is, when what it waited for has come', async () => {
    write(
      'once.ts',
      `if (!globalThis.was) { globalThis.was = true; console.log('loading'); for (;;); }\nexport const a = 3`,
    )
    await stopWhileLoading(`import { a } from './once.ts'`)
    expect(await valueOf(`import { a } from './once.ts'\na`)).toBe('3')
  })

  test('what it imports', async () => {
    write(
      'outer.ts',
      `export * from './inner.ts'\nimport { a } from './inner.ts'\nexport const twice = 2 * a`,
    )
    write('inner.ts', `export const a = 1\n${loop}`)
    await stopWhileLoading(`import { twice } from './outer.ts'`)
    await sleep(20)
    write('inner.ts', 'export const a = 2')
    expect(await valueOf(`import { twice, a as inner } from './outer.ts'\n[twice, inner]`)).toBe('[ 4, 2 ]')
  })

  test('what it requires', async () => {
    write('outer.cjs', `exports.twice = 2 * require('./inner.cjs').a`)
    write('inner.cjs', `exports.a = 1\n${loop}`)
    await stopWhileLoading(`require('./outer.cjs').twice`)
    write('inner.cjs', 'exports.a = 2')
    expect(await valueOf(`require('./outer.cjs').twice`)).toBe('4')
  })

  test('in a circle', async () => {
    write(
      'one.ts',
      `import { two } from './two.ts'\nexport const one = () => 1\nexport const sum = () => one() + two()\n${loop}`,
    )
    write('two.ts', `import { one } from './one.ts'\nexport const two = () => 2 * one()`)
    await stopWhileLoading(`import { sum } from './one.ts'`)
    await sleep(20)
    write(
      'one.ts',
      `import { two } from './two.ts'\nexport const one = () => 1\nexport const sum = () => one() + two()`,
    )
    expect(await valueOf(`import { sum } from './one.ts'\nsum()`)).toBe('3')
  })

  test('an edited one goes on with what it had, until it was mended', async () => {
    write('edited.ts', 'export const a = 1')
    expect(await valueOf(`import { a as edited } from './edited.ts'\nedited`)).toBe('1')
    write('edited.ts', `export const a = 2\n${loop}`)
    // Before its own code every cell takes up what was edited.
    await stopWhileLoading(`1`)
    expect(await valueOf(`edited`)).toBe('1')
    await sleep(20)
    write('edited.ts', 'export const a = 3')
    expect(await valueOf(`edited`)).toBe('3')
  })

  test('what waits in it when it is stopped does not go on', async () => {
    write(
      'late.ts',
      `console.log('loading')\nawait new Promise((done) => setTimeout(done, 400))\n;(globalThis as any).late = 'went on'\nexport const a = 1`,
    )
    await stopWhileLoading(`await import('./late.ts')`)
    await sleep(500)
    expect(await valueOf(`globalThis.late`)).toBe(undefined)
    expect(await valueOf(`(await import('./late.ts')).a`)).toBe('1')
  })
})

describe('a package that was stopped in the middle of its loading says that the kernel must be restarted, and holds up nothing', () => {
  const packages: {
    [name: string]: [type: 'module' | 'commonjs', text: string, cell: (name: string) => string]
  } = {
    'esm-loops': ['module', `export const a = 1\n${loop}`, (name) => `import { a } from '${name}'\na`],
    'esm-throws-before': [
      'module',
      `export function f() { return later }\n${loop}\nconst later = 1`,
      (name) => `import { f } from '${name}'\nf()`,
    ],
    'esm-waits-and-loops': [
      'module',
      `await 0\nexport const a = 1\n${loop}`,
      (name) => `import { a } from '${name}'\na`,
    ],
    'esm-waits': ['module', `export const a = 1\n${wait}`, (name) => `import { a } from '${name}'\na`],
    'cjs-loops': ['commonjs', `exports.a = 1\n${loop}`, (name) => `import { a } from '${name}'\na`],
    'cjs-loops-required': ['commonjs', `exports.a = 1\n${loop}`, (name) => `require('${name}').a`],
  }
  for (const [name, [type, text, cell]] of Object.entries(packages))
    test(name, async () => {
      writePackage(name, type, text)
      await stopWhileLoading(cell(name))
      for (let time = 0; time < 2; time++) {
        const { outputs } = await kernel.run(`// @ts-nocheck\n${cell(name)}`)
        expect(error(outputs)?.ename).toBe('StoppedWhileLoading')
        expect(error(outputs)?.evalue).toMatch(new RegExp(`'${name}'.*[Rr]estart the kernel`))
      }
      expect(await valueOf('1 + 1')).toBe('2')
    })

  test('through the package that imports it', async () => {
    writePackage('depended', 'module', `export const a = 1\n${loop}`)
    writePackage('depends', 'module', `export * from 'depended'`)
    await stopWhileLoading(`import { a } from 'depends'`)
    for (const name of ['depends', 'depended']) {
      const { outputs } = await kernel.run(`// @ts-nocheck\nimport { a } from '${name}'\na`)
      expect(error(outputs)?.evalue).toMatch(new RegExp(`'${name}'.*[Rr]estart the kernel`))
    }
  })

  test('through a local file, which is told what is wrong', async () => {
    writePackage('of-a-file', 'module', loop)
    write('uses.ts', `import 'of-a-file'\nexport const a = 1`)
    await stopWhileLoading(`import './uses.ts'`)
    const { outputs } = await kernel.run(`// @ts-nocheck\nimport { a } from './uses.ts'\na`)
    expect(error(outputs)?.evalue).toMatch(/'of-a-file'.*[Rr]estart the kernel/)
    write('uses.ts', `export const a = 2`)
    expect(await valueOf(`import { a } from './uses.ts'\na`)).toBe('2')
  })

  test('one that only waited loads', async () => {
    writePackage(
      'waits',
      'module',
      `console.log('loading'); await new Promise((done) => setTimeout(done, 800)); export const a = 1`,
    )
    await stopWhileLoading(`import { a } from 'waits'`)
    expect(await valueOf(`import { a as waited } from 'waits'\nwaited`)).toBe('1')
  })
})
