import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { result, startKernel, useKernel } from '../../kit/index.js'
import { DebugSession } from './session.js'

const kernel = useKernel()
let session: DebugSession
beforeEach(async () => {
  session = await DebugSession.start(kernel)
})
afterEach(({ task }) => session.endAfter(task))

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
    const { murmur2 } = await import('../../../kernel/debug/sources/murmur2.js')
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
      const reply = await kernel.request('control', 'debug_request', content)
      expect(reply.content).toMatchObject({ type: 'response' })
    }
    for (const command of ['continue', 'next', 'stepIn', 'stepOut', 'exceptionInfo', 'copyToGlobals'])
      expect((await session.send(command)).success).toBe(false)
  })
})

test.each(['runs free', 'is paused'])(
  'a kernel under a debugger ends when told to, also while a cell %s',
  async (how) => {
    await using own = await startKernel()
    const attached = await DebugSession.start(own)
    if (how === 'is paused') await attached.runToStop('debugger')
    else await own.run('1')
    await own.request('control', 'shutdown_request', { restart: false })
    expect(await own.exited).toEqual({ code: 0, signal: null })
  },
)
