import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { error, long, result, startKernel, stream, temporaryFolder, useKernel } from '../kit/index.js'
import { DebugSession } from './session.js'

const kernel = useKernel()
let session: DebugSession
beforeEach(async () => {
  session = await DebugSession.start(kernel)
})
afterEach(async ({ task }) => {
  await session.end()
  // A test that fails shall not take the others with it.
  if (task.result?.state === 'fail') await kernel.interrupt()
})

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

describe('stepping', () => {
  const code = `function inner(x: number) {
  const y = x + 1
  return y
}
const a = inner(1)
const b = [1, 2].map((n) => n + a)
await 0
a + b[0]!`

  test('over, into and out of functions, past library code and awaits, and no further than the cell', async () => {
    await session.breakAt(code, 5)
    const { ran } = await session.runToStop(code)
    expect(await session.step('stepIn')).toBe('inner:2')
    expect(await session.step('next')).toBe('inner:3')
    const lines = [Number((await session.step('stepOut')).split(':')[1])]
    for (let line = 0; line < 8;) {
      line = Number((await session.step('next')).split(':')[1])
      lines.push(line)
    }
    expect([...new Set(lines)].filter((line) => line > 5)).toEqual([6, 7, 8])
    await session.body('next')
    expect((await ran).status).toBe('ok')
    expect(result((await kernel.run('1 + 1')).outputs)).toBe('2')
  })

  test('pause stops a loop where it is; without a cell there is nothing to pause', async () => {
    expect((await session.send('pause', { threadId: 1 })).success).toBe(false)
    const ran = kernel.run('let turns = 0\nlet go = true\nwhile (go) {\n  turns++\n}\nturns > 0')
    await new Promise((resolve) => setTimeout(resolve, 300))
    await session.body('pause', { threadId: 1 })
    expect((await session.event('stopped')).reason).toBe('pause')
    expect((await session.frames())[0]!.line).toBeGreaterThanOrEqual(3)
    await session.body('evaluate', { expression: 'go = false', frameId: (await session.frames())[0]!.id })
    await session.body('continue')
    expect(result((await ran).outputs)).toBe('true')
  })
})

describe('values', () => {
  test('are unfolded: objects, maps, long arrays by pages, nothing of the user’s called', async () => {
    const code = `const map = new Map([['a', { x: 1 }]])
const long = Array.from({ length: 12345 }, (_, k) => k)
const touchy = { get boom(): number { throw new Error('called') }, plain: 'it\\'s' }
const proxied = new Proxy({}, { get() { throw new Error('called') }, ownKeys() { throw new Error('called') } })
debugger`
    const { ran, frames } = await session.runToStop(code)
    const { map, long, touchy, proxied } = await session.scope(frames[0]!.id, 'Globals')
    expect(map!.value).toBe("Map(1) { 'a' => {…} }")
    const { '"a"': inside } = await session.variables(map!.variablesReference)
    expect(inside!.value).toBe('{ x: 1 }')
    expect((await session.variables(inside!.variablesReference)).x!.value).toBe('1')

    expect(long!.value).toBe('Array(12345) [0, 1, 2, 3, 4, 5, 6, 7, …]')
    const some = await session.variables(long!.variablesReference, {
      filter: 'indexed',
      start: 200,
      count: 2,
    })
    expect(Object.values(some).map(({ name, value }) => `${name} ${value}`)).toEqual([
      '[200] 200',
      '[201] 201',
    ])
    const pages = await session.variables(long!.variablesReference)
    expect(Object.keys(pages).slice(0, 2)).toEqual(['[0] … [9999]', '[10000] … [12344]'])
    const inner = await session.variables(pages['[10000] … [12344]']!.variablesReference)
    const last = await session.variables(Object.values(inner).at(-1)!.variablesReference)
    expect(last['[12344]']!.value).toBe('12344')

    expect(touchy!.value).toBe("{ boom: (getter), plain: 'it\\'s' }")
    expect((await session.variables(touchy!.variablesReference)).boom!.value).toBe('(getter)')
    expect(proxied).toMatchObject({ value: 'Proxy', variablesReference: 0 })
    await session.body('continue')
    expect((await ran).status).toBe('ok')
  })

  test('of tensors show dtype, shape and the first values, and unfold to their rows', async () => {
    const code = `import * as tf from '@tensorflow/tfjs'
const m = tf.tensor2d([[1, 2.5, 3], [4, 5, 6]])
const v = tf.variable(tf.scalar(0.125))
function loss(batch: tf.Tensor) {
  const mean = tf.mean(batch)
  return mean
}
loss(m)
m.shape`
    await session.breakAt(code, 6)
    const { ran, frames } = await session.runToStop(code)
    const { batch, mean } = await session.scope(frames[0]!.id, 'Locals')
    expect(batch!.value).toBe('Tensor float32 [2, 3]: 1, 2.5, 3, 4, 5, 6')
    expect(mean!.value).toMatch(/^Tensor float32 scalar: 3\.58/)
    const { shape, values } = await session.variables(batch!.variablesReference)
    expect(shape!.value).toBe('Array(2) [2, 3]')
    const rows = await session.variables(values!.variablesReference)
    expect(rows['[1]']!.value).toBe('[3]: 4, 5, 6')
    expect((await session.variables(rows['[1]']!.variablesReference))['[2]']!.value).toBe('6')
    const names = Object.keys(await session.scope(frames[0]!.id, 'Globals'))
    expect(names.indexOf('tf')).toBeGreaterThan(names.indexOf('m'))
    expect((await session.scope(frames[0]!.id, 'Globals')).v!.value).toBe('Variable float32 scalar: 0.125')
    const rich = await session.body('richInspectVariables', { variableName: 'batch', frameId: frames[0]!.id })
    expect(rich.data['text/plain']).toContain('[2, 3]')
    await session.body('continue')
    expect((await ran).status).toBe('ok')
  })

  test('are evaluated and changed in a frame, in TypeScript, with the names of the cells', async () => {
    await kernel.run('const factor: number = 10')
    const code = `function scaled(x: number) {
  let local: number = x
  return local * factor
}
scaled(2)`
    await session.breakAt(code, 3)
    const { ran, frames } = await session.runToStop(code)
    const frameId = frames[0]!.id
    const evaluate = async (expression: string) =>
      (await session.body('evaluate', { expression, frameId })).result
    expect(await evaluate('local * factor')).toBe('20')
    expect(await evaluate('(local as number) + [1, 2].reduce((a, b) => a + b, 0)')).toBe('5')
    expect(await evaluate('local = 7')).toBe('7')
    expect((await session.scope(frameId, 'Locals')).local!.value).toBe('7')
    const outer = frames[1]!
    expect((await session.body('evaluate', { expression: 'typeof local', frameId: outer.id })).result).toBe(
      "'undefined'",
    )
    const failed = await session.send('evaluate', { expression: 'nothing.here', frameId })
    expect(failed).toMatchObject({ success: false, message: 'ReferenceError: nothing is not defined' })
    expect((await session.send('evaluate', { expression: 'let = =', frameId })).success).toBe(false)
    await session.body('copyToGlobals', {
      srcVariableName: 'local',
      dstVariableName: 'copied',
      srcFrameId: frameId,
    })
    await session.body('continue')
    expect(result((await ran).outputs)).toBe('70')
    expect(result((await kernel.run('copied + 1')).outputs)).toBe('8')
  })

  test('of the cells are listed while nothing is stopped, also while a cell runs', async () => {
    await kernel.run('const shown = { a: 1 }')
    const list = async () => (await session.body('inspectVariables')).variables as any[]
    const found = (await list()).find(({ name }) => name === 'shown')
    expect(found).toMatchObject({ value: '{ a: 1 }', evaluateName: 'shown' })
    expect((await session.variables(found.variablesReference)).a!.value).toBe('1')
    const rich = await session.body('richInspectVariables', { variableName: 'shown' })
    expect(rich.data['text/plain']).toBe('{ a: 1 }')
    expect((await session.body('evaluate', { expression: 'shown.a + (await 1)' })).result).toBe('2')
    const ran = kernel.run('let busy = true\nwhile (busy) {}')
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect((await list()).some(({ name, value }) => name === 'busy' && value === 'true')).toBe(true)
    await kernel.interrupt()
    expect((await ran).status).toBe('error')
  })
})

test('a thread in a native call is not waited for: the list is the last one, a pause comes when it returns', async () => {
  await kernel.run('const before = 1')
  await session.body('inspectVariables')
  const ran = kernel.run(
    'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500)\nconst after = 2\nafter',
  )
  await new Promise((resolve) => setTimeout(resolve, 300))
  const began = performance.now()
  const lists = await Promise.all(Array.from({ length: 20 }, () => session.body('inspectVariables')))
  expect(performance.now() - began).toBeLessThan(1_200)
  expect(lists[19].variables.some(({ name }: any) => name === 'before')).toBe(true)
  await session.body('pause', { threadId: 1 })
  expect((await session.event('stopped')).reason).toBe('pause')
  await session.body('continue')
  expect(result((await ran).outputs)).toBe('2')
})

test.runIf(long)('what is evaluated beside the cells may loop for ever, the kernel does not', async () => {
  expect((await session.send('evaluate', { expression: 'for (;;) {}' })).success).toBe(false)
  expect(result((await kernel.run('6')).outputs)).toBe('6')
})

describe('errors', () => {
  const code = `function fail(): never {
  throw new RangeError('too far')
}
try {
  fail()
} catch {}
await 0
fail()`

  test('uncaught ones stop at the throw; caught ones only where all are asked for', async () => {
    await session.body('setExceptionBreakpoints', { filters: ['uncaught'] })
    const { ran, stopped } = await session.runToStop(code)
    expect(stopped).toMatchObject({ reason: 'exception', text: 'RangeError: too far' })
    expect((await session.where()).map((at) => at.split(':')[1])).toEqual(['2', '8'])
    expect(await session.body('exceptionInfo', { threadId: 1 })).toMatchObject({ exceptionId: 'RangeError' })
    await session.body('continue')
    expect(error((await ran).outputs)!.evalue).toBe('too far')

    await session.body('setExceptionBreakpoints', { filters: ['all'] })
    const again = await session.runToStop(code)
    expect((await session.where()).map((at) => at.split(':')[1])).toEqual(['2', '5'])
    await session.body('continue')
    await session.event('stopped')
    await session.body('setExceptionBreakpoints', { filters: [] })
    await session.body('continue')
    await again.ran
    expect((await kernel.run('await 0; null!.x')).status).toBe('error')
  })

  test('of libraries show the frames of the cells alone', async () => {
    await session.body('setExceptionBreakpoints', { filters: ['uncaught'] })
    const { ran } = await session.runToStop(
      "import * as tf from '@tensorflow/tfjs'\nconst bad = () => tf.matMul(tf.ones([2, 3]), tf.ones([2, 3]))\nbad()",
    )
    expect((await session.where()).map((at) => at.split(':')[1])).toEqual(['2', '3'])
    await session.body('continue')
    expect((await ran).status).toBe('error')
  })
})

describe('Stop', () => {
  test('ends a cell that is paused where it is; nothing after that runs, all state is kept', async () => {
    const code = 'let reached = 1\ndebugger\nreached = 2'
    const { ran } = await session.runToStop(code)
    await kernel.interrupt()
    const { status, outputs } = await ran
    expect(status).toBe('error')
    expect(error(outputs)!.ename).toBe('Interrupted')
    await session.event('continued')
    expect((await session.body('debugInfo')).stoppedThreads).toEqual([])
    expect(result((await kernel.run('reached')).outputs)).toBe('1')
    // The debugger is still there, and what it evaluates beside the cells is not what was stopped.
    expect((await session.body('evaluate', { expression: 'await 0, reached + 1' })).result).toBe('2')
    const again = await session.runToStop('debugger\n3')
    await session.body('continue')
    expect(result((await again.ran).outputs)).toBe('3')
  })

  test('ends a loop while the debugger is attached', async () => {
    const ran = kernel.run('for (;;) {}')
    await new Promise((resolve) => setTimeout(resolve, 200))
    await kernel.interrupt()
    expect((await ran).status).toBe('error')
    expect(result((await kernel.run('5')).outputs)).toBe('5')
  })
})

describe('the session', () => {
  test('a detached kernel stops nowhere; a paused cell runs on when it is let go of', async () => {
    const code = 'let passed = 0\npassed = 1\npassed'
    await session.breakAt(code, 2)
    const { ran } = await session.runToStop(code)
    expect((await session.body('debugInfo')).breakpoints).toHaveLength(1)
    await session.end()
    expect(result((await ran).outputs)).toBe('1')
    session = new DebugSession(kernel)
    expect(await session.body('debugInfo')).toMatchObject({
      isStarted: false,
      breakpoints: [],
      stoppedThreads: [],
    })
    expect((await session.send('setBreakpoints', { source: { path: 'x' }, breakpoints: [] })).success).toBe(
      false,
    )
    expect((await kernel.run(code)).status).toBe('ok')
    session = await DebugSession.start(kernel)
  })

  test('paths of cells are what front ends compute from their text', async () => {
    const { hashMethod, hashSeed, tmpFilePrefix, tmpFileSuffix } = await session.body('debugInfo')
    expect(hashMethod).toBe('Murmur2')
    const { murmur2 } = await import('../../kernel/debug/murmur2.js')
    for (const code of ['', 'a', 'let x = 1', 'größer → 😀', 'x'.repeat(1_001)]) {
      const { sourcePath } = await session.body('dumpCell', { code })
      expect(sourcePath).toBe(`${tmpFilePrefix}${murmur2(code, hashSeed)}${tmpFileSuffix}`)
      expect((await session.body('source', { source: { path: sourcePath } })).content).toBe(code)
    }
  })

  test('a stop that a reloaded page finds has all it needs to be shown', async () => {
    const { ran } = await session.runToStop('const kept = 1\ndebugger\nkept')
    const other = new DebugSession(kernel)
    expect(await other.body('debugInfo')).toMatchObject({ isStarted: true, stoppedThreads: [1] })
    expect((await other.frames())[0]!.line).toBe(2)
    await other.body('continue')
    expect(result((await ran).outputs)).toBe('1')
  })

  test('says what it cannot do, and goes on', async () => {
    expect(await session.send('flyToTheMoon')).toMatchObject({ success: false })
    expect(await session.send('stackTrace')).toMatchObject({ success: true, body: { stackFrames: [] } })
    expect(await session.send('scopes', { frameId: 1 })).toMatchObject({
      success: false,
      body: { scopes: [] },
    })
    expect(await session.send('variables', { variablesReference: 9_999 })).toMatchObject({
      success: false,
      body: { variables: [] },
    })
    for (const breakpoints of ['x', [null], [{ line: 0 }], [{ line: 'two' }]])
      expect(
        (await session.send('setBreakpoints', { source: { path: '/tmp/x.ts' }, breakpoints })).success,
      ).toBe(false)
    for (const content of [{}, { command: 'evaluate', arguments: null }, { command: 7, arguments: [1] }]) {
      const reply = await kernel.request('control', 'debug_request', content, { timeout: 5_000 })
      expect(reply.content).toMatchObject({ type: 'response' })
    }
    for (const command of ['continue', 'next', 'stepIn', 'stepOut', 'exceptionInfo', 'copyToGlobals'])
      expect((await session.send(command)).success).toBe(false)
  })
})

describe('a run', () => {
  const setUp = `import * as tf from '@tensorflow/tfjs'
import { train, adam } from 'gradbook'
const w = tf.variable(tf.tensor1d([0.5, -0.5]))
const data = { x: tf.tensor2d([[1, 2], [3, 4], [5, 6], [7, 8]]), y: tf.tensor1d([1, 2, 3, 4]) }
const run = train({
  parameters: { w },
  loss: ({ x, y }) => {
    const prediction = tf.dot(x, w)
    const error = tf.sub(prediction, y)
    return tf.mean(tf.square(error))
  },
}, { data, batchSize: 2, optimizer: adam({ learningRate: 1e-2 }), seed: 1 })
await run.iterate(3)`

  test('opened up for one iteration stops in its loss, with the batch and the tensors to look at', async () => {
    expect((await kernel.run(setUp)).status).toBe('ok')
    expect(await session.breakAt(setUp, 10)).toEqual([10])
    const { ran, frames } = await session.runToStop(
      'const one = await run.iterate(1, { inspect: true })\none.iteration',
    )
    expect(frames[0]).toMatchObject({ name: 'loss', line: 10 })
    const { x, prediction, error: difference } = await session.scope(frames[0]!.id, 'Locals')
    expect(x!.value).toMatch(/^Tensor float32 \[2, 2\]: \d, \d, \d, \d$/)
    expect(prediction!.value).toMatch(/^Tensor float32 \[2\]: -?0\.\d+, -?0\.\d+$/)
    const sum = await session.body('evaluate', {
      expression: 'tf.sum(tf.abs(error)).dataSync()[0]! >= 0',
      frameId: frames[0]!.id,
    })
    expect(sum.result).toBe('true')
    expect(difference!.value).toMatch(/^Tensor float32 \[2\]/)
    await session.breakAt(setUp)
    await session.body('continue')
    expect(result((await ran).outputs)).toBe('4')
  })

  test("of a model stops in the call of a layer of one's own; in the compiled step tensors have no values yet", async () => {
    const model = `class Twice extends tf.layers.Layer {
  static className = 'Twice'
  override call(inputs: tf.Tensor | tf.Tensor[]) {
    const [x] = Array.isArray(inputs) ? inputs : [inputs]
    return tf.mul(x!, 2)
  }
}
const layered = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] }), new Twice({})] })
const layeredRun = train(layered, {
  data: { x: tf.ones([4, 2]), y: tf.ones([4, 1]) }, batchSize: 2, loss: 'meanSquaredError', optimizer: adam({ learningRate: 0.01 }), seed: 1,
})`
    expect(error((await kernel.run(model)).outputs)).toBeUndefined()
    expect(await session.breakAt(model, 5)).toEqual([5])
    const opened = await session.runToStop('await layeredRun.iterate(1, { inspect: true })')
    expect(opened.frames[0]).toMatchObject({ name: 'call', line: 5 })
    const { x } = await session.scope(opened.frames[0]!.id, 'Locals')
    expect(x!.value).toMatch(/^Tensor float32 \[2, 1\]: -?\d/)
    await session.breakAt(model)
    await session.body('continue')
    expect((await opened.ran).status).toBe('ok')

    await session.breakAt(model, 5)
    const compiled = await session.runToStop('await layeredRun.iterate(3)\nlayeredRun.iteration')
    const recorded = await session.scope(compiled.frames[0]!.id, 'Locals')
    expect(recorded.x!.value).toBe('Tensor float32 [2, 1] (no values here)')
    await session.breakAt(model)
    await session.body('continue')
    expect(result((await compiled.ran).outputs)).toBe('4')
  })

  test('stopped there by Stop stands where it stood and goes on', async () => {
    await session.breakAt(setUp, 9)
    const { ran } = await session.runToStop('await run.iterate(1, { inspect: true })')
    await kernel.interrupt()
    expect(error((await ran).outputs)!.ename).toBe('Interrupted')
    await session.breakAt(setUp)
    const { outputs } = await kernel.run('await run.iterate(2)\nrun.iteration')
    expect(result(outputs)).toBe('6')
  })
})

test.each(['runs free', 'is paused'])(
  'a kernel under a debugger ends when told to, also while a cell %s',
  async (how) => {
    await using own = await startKernel()
    const attached = await DebugSession.start(own)
    if (how === 'is paused') await attached.runToStop('debugger')
    else await own.run('1')
    const began = performance.now()
    await own.request('control', 'shutdown_request', { restart: false })
    await own.exited
    expect(performance.now() - began).toBeLessThan(5_000)
  },
)

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
