import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { long, result, useKernel } from '../../kit/index.js'
import { DebugSession } from './session.js'

const kernel = useKernel()
let session: DebugSession
beforeEach(async () => {
  session = await DebugSession.start(kernel)
})
afterEach(({ task }) => session.endAfter(task))

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
    'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_000)\nconst after = 2\nafter',
  )
  await new Promise((resolve) => setTimeout(resolve, 300))
  const lists = await Promise.all(Array.from({ length: 20 }, () => session.body('inspectVariables')))
  expect(await Promise.race([ran, 'runs'])).toBe('runs')
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
