import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { error, result, stream, useKernel } from '../../kit/index.js'

const kernel = useKernel()

/** Two errors that nobody catches: both must be told under their cell, and the kernel live. */
async function expectToLive(): Promise<void> {
  for (const cell of [
    `setTimeout(() => { throw new Error('late') }, 1)`,
    `setTimeout(() => void Promise.reject(new Error('late')), 1)`,
  ]) {
    const told = kernel.wait(
      ({ header, content }) => header.msg_type === 'error' && content.evalue === 'late',
    )
    await kernel.run(`{ ${cell} }`)
    expect((await told).content.evalue).toBe('late')
  }
  expect(result((await kernel.run('1 + 1')).outputs)).toBe('2')
}

const quiet = '(error: unknown) => { globalThis.seen = [...(globalThis.seen ?? []), String(error)] }'

const removals: { [name: string]: string } = {
  removeListener: `const f = ${quiet}; process.on('EVENT', f); process.removeListener('EVENT', f)`,
  off: `const f = ${quiet}; process.on('EVENT', f); process.off('EVENT', f)`,
  once: `process.once('EVENT', ${quiet})`,
  'removeAllListeners of it': `process.on('EVENT', ${quiet}); process.removeAllListeners('EVENT')`,
  removeAllListeners: `process.on('EVENT', ${quiet}); process.removeAllListeners()`,
  'each of its listeners': `for (const f of process.listeners('EVENT')) process.removeListener('EVENT', f as never)`,
  'each of its raw listeners': `for (const f of process.rawListeners('EVENT')) process.off('EVENT', f as never)`,
  'a handler that throws': `process.once('EVENT', () => { throw new Error('in the handler') })`,
}
for (const event of ['uncaughtException', 'unhandledRejection', 'uncaughtExceptionMonitor'])
  for (const [name, code] of Object.entries(removals))
    test(`${event}, ${name}: the kernel lives`, async () => {
      await kernel.run(`// @ts-nocheck\n{ ${code.replaceAll('EVENT', event)} }`)
      await expectToLive()
    })

for (const [name, code] of Object.entries(removals).filter(([name]) => !name.includes('throws')))
  test(`SIGINT, ${name}: it is still Stop`, async () => {
    await kernel.run(`// @ts-nocheck\n{ ${code.replaceAll('EVENT', 'SIGINT')} }`)
    for (let time = 0; time < 2; time++) {
      const running = kernel.run(`console.log('begun'); await new Promise(() => {})`)
      await kernel.wait(({ content }) => content.text === 'begun\n')
      process.kill(kernel.child.pid!, 'SIGINT')
      expect(error((await running).outputs)?.ename).toBe('Interrupted')
    }
    expect(result((await kernel.run('1 + 1')).outputs)).toBe('2')
  })

test('a handler of a user hears of errors and rejections, and of signals', async () => {
  await kernel.run(
    `// @ts-nocheck\nglobalThis.seen = []; for (const event of ['uncaughtException', 'unhandledRejection', 'SIGINT']) process.on(event, globalThis[event] = (what) => seen.push(event + ' ' + what?.message))`,
  )
  await expectToLive()
  process.kill(kernel.child.pid!, 'SIGINT')
  await sleep(300)
  expect(result((await kernel.run('(globalThis as any).seen')).outputs)).toBe(
    `[ 'uncaughtException late', 'unhandledRejection late', 'SIGINT undefined' ]`,
  )
  await kernel.run(
    `// @ts-nocheck\nfor (const event of ['uncaughtException', 'unhandledRejection', 'SIGINT']) process.off(event, globalThis[event])`,
  )
  expect(
    result(
      (
        await kernel.run(
          `[process.listenerCount('uncaughtException'), process.listenerCount('unhandledRejection')]`,
        )
      ).outputs,
    ),
  ).toBe('[ 0, 0 ]')
})

test('a capture callback that throws is told of too', async () => {
  await kernel.run(
    `process.setUncaughtExceptionCaptureCallback(() => { throw new Error('in the callback') })`,
  )
  const told = kernel.wait(({ header }) => header.msg_type === 'error')
  await kernel.run(`setTimeout(() => { throw new Error('late') }, 1); undefined`)
  expect((await told).content.evalue).toBe('in the callback')
  await kernel.run(`process.setUncaughtExceptionCaptureCallback(null)`)
  await expectToLive()
})

test('an interval that throws for ever is told ten times and then less often, and what is printed beside is not lost', async () => {
  let errors = 0
  kernel.onMessage(({ header }) => {
    if (header.msg_type === 'error') errors++
  })
  await kernel.run(
    `globalThis.timer = setInterval(() => { console.log('.'); throw new Error('again') }, 5); undefined`,
  )
  const { outputs } = await kernel.run(`await new Promise((done) => setTimeout(done, 1_000)); 'after'`)
  expect(result(outputs)).toBe(`'after'`)
  await kernel.run(`clearInterval((globalThis as any).timer)`)
  const { messages } = await kernel.run('1')
  expect(messages.length).toBeGreaterThan(0)
  expect(stream(outputs)).toBe('')
  expect(errors).toBeLessThanOrEqual(12)
  expect(errors).toBeGreaterThanOrEqual(10)
})
