import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { result, startKernel, stream, temporaryFolder, useKernel } from '../../kit/index.js'
import { DebugSession } from './session.js'

const kernel = useKernel()
let session: DebugSession
beforeEach(async () => {
  session = await DebugSession.start(kernel)
})
afterEach(({ task }) => session.endAfter(task))

describe('breakpoints', () => {
  const code = `const numbers: number[] = [1, 2, 3]
let total = 0

for (const n of numbers) {
  const square: number = n * n
  total += square
}
total`

  test('a cell stops at its line, shows what it sees there, and goes on', async () => {
    expect(await session.breakAt(code, 6)).toEqual([6])
    const { ran, stopped, frames } = await session.runToStop(code)
    expect(stopped).toMatchObject({ reason: 'breakpoint', threadId: 1, allThreadsStopped: true })
    expect(frames).toHaveLength(1)
    expect(frames[0]).toMatchObject({ line: 6, name: '(top level)' })
    expect(frames[0]!.source.name).toMatch(/^Cell \[\d+\]$/)
    expect(frames[0]!.source.path).toBe((await session.body('dumpCell', { code })).sourcePath)
    const locals = await session.scope(frames[0]!.id, 'Locals')
    expect(Object.keys(locals).sort()).toEqual(['n', 'square'])
    expect(locals.square).toMatchObject({ value: '1', type: 'number', variablesReference: 0 })
    const globals = await session.scope(frames[0]!.id, 'Globals')
    expect(globals.numbers).toMatchObject({ value: 'Array(3) [1, 2, 3]', type: 'Array' })
    expect(globals.total!.value).toBe('0')
    expect((await session.body('debugInfo')).stoppedThreads).toEqual([1])

    await session.body('continue', { threadId: 1 })
    await session.event('continued')
    await session.event('stopped')
    expect((await session.scope((await session.frames())[0]!.id, 'Locals')).n!.value).toBe('2')
    expect(await session.breakAt(code)).toEqual([])
    await session.body('continue', { threadId: 1 })
    expect(result((await ran).outputs)).toBe('14')
    expect((await session.body('debugInfo')).stoppedThreads).toEqual([])
  })

  test('one in a function of an older cell stops every cell that calls it', async () => {
    const older = `function half(x: number): number {
  const y = x / 2
  return y
}
const twice = (x: number) => x * 2
interface Nothing {}`
    await kernel.run(older)
    expect(await session.breakAt(older, 3, 5)).toEqual([3, 5])
    const { ran } = await session.runToStop('half(10) + twice(1)')
    expect((await session.where())[0]).toBe('half:3')
    expect(await session.where()).toHaveLength(2)
    await session.body('continue')
    await session.event('stopped')
    expect((await session.where())[0]).toBe('twice:5')
    await session.body('continue')
    expect(result((await ran).outputs)).toBe('7')
  })

  test('lines move to the next place that can be stopped at; after the last there is none', async () => {
    const lines = `// a comment
interface Point { x: number }
function origin(): Point {

  return { x: 0 }
}
origin()
// the end`
    expect(await session.breakAt(lines, 1, 3, 4, 7, 8)).toEqual([5, 5, 5, 7, 0])
  })

  test('a condition in TypeScript passes over the rest', async () => {
    const { sourcePath } = await session.body('dumpCell', { code })
    await session.body('setBreakpoints', {
      source: { path: sourcePath },
      breakpoints: [{ line: 6, condition: 'n === numbers.length && total! > 0' }],
    })
    const { ran, frames } = await session.runToStop(code)
    expect((await session.scope(frames[0]!.id, 'Locals')).n!.value).toBe('3')
    await session.body('continue')
    expect(result((await ran).outputs)).toBe('14')
  })

  /** Breakpoints in that cell, each with what else it asks for. */
  const breakWith = async (...breakpoints: object[]) => {
    const { sourcePath } = await session.body('dumpCell', { code })
    return session.send('setBreakpoints', { source: { path: sourcePath }, breakpoints })
  }

  test('a hit count stops the n-th time, from it on, or every n-th time, anew in each run', async () => {
    for (const [hitCondition, expected] of Object.entries({
      '2': ['2'],
      '>= 2': ['2', '3'],
      '% 3': ['3'],
      '> 3': [],
    }))
      for (let run = 0; run < 2; run++) {
        await breakWith({ line: 6, hitCondition })
        const seen: string[] = []
        const ran = kernel.run(code)
        for (const _ of expected) {
          await session.event('stopped')
          seen.push((await session.scope((await session.frames())[0]!.id, 'Locals')).n!.value)
          await session.body('continue')
        }
        expect(result((await ran).outputs)).toBe('14')
        expect(seen).toEqual(expected)
      }
    // Of those that fit the condition.
    await breakWith({ line: 6, condition: 'n > 1', hitCondition: '2' })
    const { ran, frames } = await session.runToStop(code)
    expect((await session.scope(frames[0]!.id, 'Locals')).n!.value).toBe('3')
    await session.body('continue')
    await ran
    expect(await breakWith({ line: 6, hitCondition: 'often' })).toMatchObject({
      success: false,
      message: expect.stringContaining('received "often"'),
    })
  })

  test('a log point writes into the cell, in order, and does not stop', async () => {
    await breakWith({
      line: 6,
      logMessage: 'n is {n}, with `total` at {numbers[n - 1]! + total} {',
      condition: 'n !== 2',
    })
    const { outputs } = await kernel.run(`${code}`)
    expect(stream(outputs)).toBe('n is 1, with `total` at 1 {\nn is 3, with `total` at 8 {\n')
    expect(result(outputs)).toBe('14')
    expect((await session.event('output')).output).toBe('n is 1, with `total` at 1 {\n')
    expect((await session.body('debugInfo')).stoppedThreads).toEqual([])
  })

  test('variables are set: of a function, of the cells, of an object, and constants as the engine lets a debugger', async () => {
    const source = `let outer = 1
const held = { a: 1 }
function sum(n: number) {
  const fixed = 1
  let more = n
  return more + outer + held.a + fixed
}
sum(1)`
    await session.breakAt(source, 6)
    const { ran, frames } = await session.runToStop(source)
    const { scopes } = await session.body('scopes', { frameId: frames[0]!.id })
    const reference = (name: string): number =>
      scopes.find((scope: any) => scope.name === name).variablesReference
    const set = (variablesReference: number, name: string, value: string) =>
      session.send('setVariable', { variablesReference, name, value })
    expect((await set(reference('Locals'), 'more', 'n + 9')).body).toMatchObject({
      value: '10',
      type: 'number',
    })
    expect((await set(reference('Globals'), 'outer', 'more * 10')).body.value).toBe('100')
    const { held } = await session.variables(reference('Globals'))
    expect((await set(held!.variablesReference, 'a', '1_000')).body.value).toBe('1000')
    expect((await session.scope(frames[0]!.id, 'Locals')).more!.value).toBe('10')
    expect((await set(reference('Locals'), 'fixed', '2')).body.value).toBe('2')
    expect((await set(held!.variablesReference, 'b', '1')).success).toBe(false)
    expect((await set(reference('Locals'), 'more', 'n +')).success).toBe(false)
    await session.body('continue')
    expect(result((await ran).outputs)).toBe('1112')
    expect(result((await kernel.run('[outer, held.a]')).outputs)).toBe('[ 100, 1000 ]')
    expect((await set(reference('Globals'), 'outer', '1')).success).toBe(false)
  })

  test('after an await, in a timer, in a class and in a generator', async () => {
    const source = `class Counter { count = 0
  add(n: number) {
    this.count += n
  }
}
const counter = new Counter()
await new Promise((resolve) => setTimeout(resolve, 1))
counter.add(1)
function* walk() {
  yield 1
  yield 2
}
const all = [...walk()]
setTimeout(() => {
  counter.add(10)
}, 20)`
    expect(await session.breakAt(source, 3, 8, 11)).toEqual([3, 8, 11])
    const { ran } = await session.runToStop(source)
    const at = [(await session.where())[0]!.split(':')[1]]
    for (let k = 0; k < 3; k++) {
      await session.body('continue')
      await session.event('stopped')
      const [frame] = await session.frames()
      at.push(String(frame!.line))
      if (frame!.line === 3)
        expect((await session.scope(frame!.id, 'Locals')).this!.value).toMatch(/^Counter \{ count: \d+ \}$/)
    }
    expect(at).toEqual(['8', '3', '11', '3'])
    await session.body('continue')
    expect((await ran).status).toBe('ok')
  })

  test('debugger statements stop; without a front end they do not', async () => {
    const { ran, stopped } = await session.runToStop('debugger\n41 + 1')
    expect(stopped.reason).toBe('breakpoint')
    await session.body('continue')
    expect(result((await ran).outputs)).toBe('42')
    await session.end()
    expect(result((await kernel.run('debugger\n42')).outputs)).toBe('42')
    session = await DebugSession.start(kernel)
  })
})

test('breakpoints in imported files are hit, and follow an edit', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'model.ts')
  writeFileSync(
    path,
    'export interface Options { x: number }\n\nexport function double(x: number): number {\n  const y: number = x * 2\n  return y\n}\n',
  )
  await using own = await startKernel({ folder })
  const inFolder = await DebugSession.start(own)
  expect(await inFolder.breakIn(path, 5)).toEqual([5])
  const { ran, frames } = await inFolder.runToStop("import { double } from './model'\ndouble(4)")
  expect(frames.map(({ name, line, source }) => [name, line, source.name])).toEqual([
    ['double', 5, 'model.ts'],
    ['(top level)', 2, 'Cell [1]'],
  ])
  expect((await inFolder.scope(frames[0]!.id, 'Locals')).y!.value).toBe('8')
  expect((await inFolder.body('modules')).modules).toMatchObject([{ name: 'model.ts', path }])
  await inFolder.body('continue')
  expect(result((await ran).outputs)).toBe('8')

  writeFileSync(path, '// a line more\nexport function double(x: number): number {\n  return x * 2 + 1\n}\n')
  expect(await inFolder.breakIn(path, 3)).toEqual([3])
  const edited = await inFolder.runToStop('double(4)')
  expect(edited.frames[0]).toMatchObject({ name: 'double', line: 3 })
  await inFolder.body('continue')
  expect(result((await edited.ran).outputs)).toBe('9')
  expect(stream((await own.run('console.log(1)')).outputs)).toBe('1\n')
  await inFolder.end()
})
