import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { error, result, useKernel } from '../../kit/index.js'
import { DebugSession } from './session.js'

const kernel = useKernel()
let session: DebugSession
beforeEach(async () => {
  session = await DebugSession.start(kernel)
})
afterEach(({ task }) => session.endAfter(task))

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
