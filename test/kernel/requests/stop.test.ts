import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { error, fastest, result, stream, useKernel, type Ran } from '../../kit/index.js'

const kernel = useKernel()

/** Presses Stop a tenth of a second into a cell. */
const stop = (code: string, after = 100): Promise<Ran> => kernel.stop(code, { after })

describe('Stop ends the cell, with one short error and all state kept', () => {
  const cells: Record<string, string> = {
    'a loop': 'while (true) {}',
    'a loop after an await': 'await 0; while (true) {}',
    'a promise that never settles': 'await new Promise(() => {})',
    'a loop of microtasks': 'for (;;) await 0',
    'a loop of timers': 'for (;;) await new Promise((resolve) => setTimeout(resolve, 5))',
    'a loop of immediates': 'for (;;) await new Promise((resolve) => setImmediate(resolve))',
    'a loop in a timer': 'setTimeout(() => { while (true) {} }, 20); await new Promise(() => {})',
    'a loop that catches everything': 'for (;;) { try { while (true) {} } catch {} finally {} }',
    'a child process that blocks': `(await import('node:child_process')).execSync('sleep 300; true')`,
    'a question to nobody': 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
  }
  for (const [name, code] of Object.entries(cells))
    test(name, async () => {
      await kernel.run('globalThis.kept = 5')
      const stopped = await stop(code)
      expect(stopped.status).toBe('error')
      expect(error(stopped.outputs)?.ename).toBe('Interrupted')
      expect(error(stopped.outputs)?.text.split('\n')).toHaveLength(1)
      expect(result((await kernel.run('globalThis.kept')).outputs)).toBe('5')
    })
})

test('what a stopped cell printed into an output widget a moment before is still told to the page', async () => {
  await kernel.run(`const { Output } = await import('gradbook/widgets'); const out = Output()`)
  await stop(
    `await out.capture(async () => { console.log('.'.repeat(200)); setInterval(() => console.log('.'), 2); await new Promise(() => {}) })`,
  )
  await sleep(300)
  const { outputs } = await kernel.run(
    `const told = JSON.stringify(out.get('outputs')); [told.length > 100, told === JSON.stringify(out.outputs)]`,
  )
  expect(result(outputs)).toBe('[ true, true ]')
})

test('Stop ends a loop within a second', async () => {
  const least = await fastest(5, 1_000, () => kernel.stop('while (true) {}'))
  expect(least).toBeLessThan(1_000)
})

describe('a stopped cell does not go on, whatever wakes it up', () => {
  for (const [name, pause] of Object.entries({
    'timers/promises': `await (await import('node:timers/promises')).setTimeout(5)`,
    'reading a file': `await (await import('node:fs/promises')).readFile('/dev/null')`,
    'a function of another cell': 'await pauseElsewhere()',
  }))
    test(name, async () => {
      await kernel.run(
        'globalThis.count = 0; async function pauseElsewhere() { await new Promise((resolve) => process.nextTick(() => setImmediate(resolve))) }',
      )
      const stopped = await stop(`for (;;) { (globalThis as any).count++; ${pause} }`)
      expect(error(stopped.outputs)?.ename).toBe('Interrupted')
      const first = result((await kernel.run('(globalThis as any).count')).outputs)
      expect(Number(first)).toBeGreaterThan(1)
      await sleep(100)
      expect(result((await kernel.run('(globalThis as any).count')).outputs)).toBe(first)
    })

  test('for await', async () => {
    const stopped = await stop(`globalThis.count = 0
      const { setInterval } = await import('node:timers/promises')
      for await (const _ of setInterval(5)) (globalThis as any).count++`)
    expect(error(stopped.outputs)?.ename).toBe('Interrupted')
    const first = result((await kernel.run('(globalThis as any).count')).outputs)
    await sleep(100)
    expect(result((await kernel.run('(globalThis as any).count')).outputs)).toBe(first)
  })
})

test('Stop inside a gradient leaves TensorFlow.js as it was', async () => {
  await kernel.run(`import * as tf from '@tensorflow/tfjs'; await tf.setBackend('cpu')`)
  const state =
    'const { gradientDepth, kernelDepth, scopeStack } = (globalThis as any)._tfengine.state; [gradientDepth, kernelDepth, scopeStack.length]'
  const before = result((await kernel.run(state)).outputs)
  await stop('tf.tidy(() => tf.grad((x) => { while (true) x.square() })(tf.scalar(2)))', 400)
  expect(result((await kernel.run(state)).outputs)).toBe(before)
  expect(result((await kernel.run('tf.grad((x) => x.square())(tf.scalar(3)).dataSync()[0]')).outputs)).toBe(
    '6',
  )
})

test('Cells that wait are aborted by Stop, and the ones sent after it run', async () => {
  const { ended } = await kernel.begin('await new Promise(() => {})')
  const waiting = [kernel.run('1'), kernel.run('2')]
  await sleep(200)
  await kernel.interrupt()
  expect((await ended).status).toBe('error')
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(['aborted', 'aborted'])
  expect(result((await kernel.run('3')).outputs)).toBe('3')
})

test('Stop in a native call says at once that it waits for it', async () => {
  const stopped = await stop(`(await import('node:crypto')).pbkdf2Sync('a', 'b', 6_000_000, 64, 'sha512')`)
  expect(stream(stopped.outputs, 'stderr')).toMatch(/native call/)
  expect(error(stopped.outputs)?.ename).toBe('Interrupted')
})

test('Stop with nothing running does nothing', async () => {
  expect((await kernel.interrupt()).content.status).toBe('ok')
  expect(result((await kernel.run('1 + 1')).outputs)).toBe('2')
})

test('Stop in an immediate loses none of another cell, whether that comes before or after it', async () => {
  await kernel.run(`globalThis.turns = 0; globalThis.turning = true
    ;(async () => { while ((globalThis as any).turning) { await new Promise((done) => setImmediate(done)); (globalThis as any).turns++ } })()`)
  for (let time = 0; time < 6; time++) {
    const before = time % 2 ? 'setImmediate(() => {}); ' : ''
    await stop(`${before}setImmediate(() => { for (;;); }); await new Promise(() => {})`, 20)
    const first = Number(result((await kernel.run('(globalThis as any).turns')).outputs))
    await expect
      .poll(async () => Number(result((await kernel.run('(globalThis as any).turns')).outputs)))
      .toBeGreaterThan(first)
  }
  await kernel.run('(globalThis as any).turning = false')
  // What was counted wrongly would keep the loop of events turning, or from coming to any immediate.
  const { outputs } = await kernel.run(
    `const used = process.cpuUsage(); await new Promise((done) => setTimeout(done, 500)); await new Promise((done) => setImmediate(done)); process.cpuUsage(used).user / 1000`,
  )
  expect(Number(result(outputs))).toBeLessThan(300)
})

test('Stop ends a timer of an earlier cell that loops, though no cell runs', async () => {
  const loops = kernel.wait(({ content }) => content.text === 'it loops\n')
  await kernel.run(`setTimeout(() => { console.log('it loops'); while (true) {} }, 50)`)
  await loops
  await kernel.interrupt()
  expect(result((await kernel.run('"alive"')).outputs)).toBe("'alive'")
})

test('Stop raises the signal of the cell that set off what runs beside', async () => {
  await kernel.run(
    'globalThis.seen = "none"; host.interrupt.addEventListener("abort", () => { globalThis.seen = `aborted, ${host.interrupted}` })',
  )
  await kernel.interrupt()
  await expect
    .poll(async () => result((await kernel.run('(globalThis as any).seen')).outputs))
    .toBe("'aborted, true'")
  expect(result((await kernel.run('host.interrupted')).outputs)).toBe('false')
})

test('Stop with nothing running does not swallow the next Stop', async () => {
  await kernel.interrupt()
  const stopped = await stop('while (true) {}', 100)
  expect(stopped.status).toMatch(/error|aborted/)
  expect(result((await kernel.run('1')).outputs)).toBe('1')
})

test('what a front end sets off after Stop, without a cell, is not taken for stopped', async () => {
  await kernel.run(
    `host.comms.registerTarget('stopped?', (comm) => comm.onMsg(() => comm.send({ is: host.interrupted })))`,
  )
  await stop('await new Promise(() => {})')
  await kernel.send(kernel.create('shell', 'comm_open', { comm_id: 's1', target_name: 'stopped?', data: {} }))
  await sleep(2_500)
  const answer = kernel.wait(({ header }) => header.msg_type === 'comm_msg')
  await kernel.send(kernel.create('shell', 'comm_msg', { comm_id: 's1', data: {} }))
  expect((await answer).content.data).toEqual({ is: false })
})
