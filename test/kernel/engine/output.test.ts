import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { error, fastest, isRunning, result, startKernel, stream, text, useKernel } from '../../kit/index.js'

const kernel = useKernel()

describe('much output', () => {
  test('of 10,000 lines comes complete, in order and in few messages', async () => {
    const print = () => kernel.run('for (let i = 0; i < 10_000; i++) console.log(`line ${i}`)')
    const { outputs, messages } = await print()
    const lines = stream(outputs).split('\n').slice(0, -1)
    expect(lines).toEqual(Array.from({ length: 10_000 }, (_, i) => `line ${i}`))
    expect(messages.filter(({ header }) => header.msg_type === 'stream').length).toBeLessThan(100)
    expect(await fastest(5, 500, print)).toBeLessThan(500)
  })

  test('on both streams keeps the order of what was written', async () => {
    const { messages } = await kernel.run(
      'for (let i = 0; i < 50; i++) { console.log(`o${i}`); console.error(`e${i}`) }',
    )
    const joined = messages
      .filter(({ header }) => header.msg_type === 'stream')
      .map(({ content }) => content.text as string)
      .join('')
    expect(joined).toBe(Array.from({ length: 50 }, (_, i) => `o${i}\ne${i}\n`).join(''))
  })

  test('of 20 MB in one value arrives whole', async () => {
    const { messages } = await kernel.run(
      'display({ "text/plain": "x".repeat(20e6) + "end" }, { raw: true })',
    )
    const shown = messages.find(({ header }) => header.msg_type === 'display_data')!
    expect(shown.content.data['text/plain']).toHaveLength(20_000_003)
  })

  test('that floods is slowed down, not dropped', async () => {
    const { outputs } = await kernel.run(
      'const line = "y".repeat(99_999); for (let i = 0; i < 600; i++) console.log(line)',
    )
    expect(stream(outputs)).toHaveLength(60_000_000)
  })

  test.skipIf(process.platform === 'win32')(
    'is complete for who reads, also beside a front end that was suspended and reads nothing',
    async () => {
      const subscribe = `const { Subscriber } = require('zeromq')
        const socket = new Subscriber()
        socket.connect('tcp://127.0.0.1:${kernel.connection.iopub_port}')
        socket.subscribe('')
        socket.receive().then(() => console.log('heard'))
        setInterval(() => {}, 1_000)`
      const suspended = spawn(process.execPath, ['-e', subscribe], { stdio: ['ignore', 'pipe', 'inherit'] })
      try {
        await once(suspended.stdout, 'data')
        suspended.kill('SIGSTOP')
        const shown: string[] = []
        await kernel.run(
          'for (let i = 0; i < 1_500; i++) display({ "text/plain": `${i} ${"x".repeat(20_000)}` }, { raw: true })',
          {
            onMessage: ({ header, content }) => {
              if (header.msg_type === 'display_data') shown.push(content.data['text/plain'].split(' ')[0])
            },
          },
        )
        expect(shown).toEqual(Array.from({ length: 1_500 }, (_, i) => String(i)))
      } finally {
        suspended.kill('SIGKILL')
      }
    },
  )

  test('that never ends can be stopped', async () => {
    const { outputs } = await kernel.stop('for (;;) console.log("z".repeat(1000))', { after: 300 })
    expect(error(outputs)?.ename).toBe('Interrupted')
  })
})

test('output is seen while the cell goes on', async () => {
  const first = kernel.wait(({ header }) => header.msg_type === 'stream')
  const running = kernel.run('console.log("now"); while (true) {}')
  expect((await first).content.text).toBe('now\n')
  await kernel.interrupt()
  await running
})

test('bytes and text written to process.stdout are joined, also within a character', async () => {
  const { outputs } = await kernel.run(
    'for (const byte of Buffer.from("é€😀")) process.stdout.write(new Uint8Array([byte])); process.stdout.write("!")',
  )
  expect(stream(outputs)).toBe('é€😀!')
})

test('halves of surrogate pairs become U+FFFD, since no notebook with one could be saved', async () => {
  const { outputs } = await kernel.run(
    String.raw`console.log('a\ud800b \udc00 😀 \\ud800'); display({ 'application/json': { '\udabc': '\ud800' } }, { raw: true })`,
  )
  expect(stream(outputs)).toBe('a\ufffdb \ufffd 😀 \\ud800\n')
  const shown = outputs.find(({ output_type }) => output_type === 'display_data')
  expect(shown).toMatchObject({ data: { 'application/json': { '\ufffd': '\ufffd' } } })
})

test('bytes of a child that are no UTF-8 become U+FFFD, and characters are joined that come in two pieces', async () => {
  const { outputs } = await kernel.run(
    String.raw`import { spawnSync } from 'node:child_process'
    spawnSync('sh', ['-c', "printf 'a\\377b\\303'; sleep 0.2; printf '\\251\\n'"], { stdio: 'inherit' })`,
  )
  expect(stream(outputs)).toBe('a\ufffdb\u00e9\n')
})

describe('what no message can hold', () => {
  test('is an error under the cell where it is circular, and what comes after it is shown', async () => {
    const { outputs, status } = await kernel.run(
      `const circular: any = {}; circular.self = circular; display({ 'application/json': circular }, { raw: true }); console.log('after')`,
    )
    expect(status).toBe('ok')
    expect(error(outputs)?.evalue).toMatch(/display_data cannot be sent: .*circular/)
    expect(stream(outputs)).toBe('after\n')
  })

  test('is left out where it is a function, as in JSON', async () => {
    const { messages } = await kernel.run(
      `({ [Symbol.for('Jupyter.display')]: () => ({ 'application/json': { a: 1, f() {} }, 'image/png': new Uint8Array([1]) }) })`,
    )
    const shown = messages.find(({ header }) => header.msg_type === 'execute_result')
    expect(shown?.content.data).toEqual({ 'application/json': { a: 1 }, 'image/png': 'AQ==' })
  })

  test('does not keep a cell from its reply', async () => {
    const { reply } = await kernel.run('1', {
      user_expressions: {
        circular: `({ [Symbol.for('Jupyter.display')]: () => { const a: any = {}; a.a = a; return { 'application/json': a } } })`,
      },
    })
    expect(reply).toMatchObject({ status: 'error', evalue: expect.stringMatching(/circular/) })
  })
})

describe.skipIf(process.platform === 'win32')('what goes to the descriptors themselves', () => {
  test('by a child that is waited for lands in the cell, in its place', async () => {
    const { outputs } = await kernel.run(`
      import { execSync, spawnSync } from 'node:child_process'
      console.log('before')
      spawnSync('sh', ['-c', 'echo child; echo wrong >&2'], { stdio: 'inherit' })
      console.log('between')
      execSync('echo second', { stdio: 'inherit' })
      console.log('after')`)
    expect(stream(outputs)).toBe('before\nchild\nbetween\nsecond\nafter\n')
    expect(stream(outputs, 'stderr')).toBe('wrong\n')
  })

  test('by native code and by a child that runs beside lands in the cell', async () => {
    const { outputs } = await kernel.run(`
      import { spawn } from 'node:child_process'
      import { writeSync } from 'node:fs'
      writeSync(1, 'native\\n')
      const child = spawn('sh', ['-c', 'echo beside'], { stdio: 'inherit' })
      await new Promise((resolve) => child.on('exit', resolve))`)
    expect(stream(outputs).split('\n').toSorted()).toEqual(['', 'beside', 'native'])
  })

  test('of any size arrives whole', async () => {
    const { outputs } = await kernel.run(`
      import { execSync } from 'node:child_process'
      execSync('head -c 3000000 /dev/zero | tr "\\\\0" a', { stdio: 'inherit' })`)
    expect(stream(outputs)).toHaveLength(3_000_000)
  })
})

describe.skipIf(process.platform === 'win32')('child processes', () => {
  for (const [way, end] of Object.entries({
    'is shut down': (own: Awaited<ReturnType<typeof startKernel>>) => own.shutdown(),
    'is killed': async (own: Awaited<ReturnType<typeof startKernel>>) => {
      process.kill(own.child.pid!, 'SIGKILL')
      await own.exited
    },
    'is killed with its process group': async (own: Awaited<ReturnType<typeof startKernel>>) => {
      process.kill(-own.child.pid!, 'SIGKILL')
      await own.exited
    },
  }))
    for (const [kind, code] of Object.entries({
      'the child of a cell': `spawn('sleep', ['60'], { stdio: 'ignore', detached: true }).pid`,
      'one that ignores the signal to end': `const stubborn = spawn('sh', ['-c', 'trap "" TERM; echo ready; sleep 60; sleep 60'])
        await new Promise((resolve) => stubborn.stdout.once('data', resolve)); stubborn.pid`,
      'the orphan of a child that has ended, in a session of its own': `Number(spawnSync('sh', ['-c', 'setsid sleep 60 >/dev/null 2>&1 & echo $!']).stdout)`,
    }))
      test(`${kind} does not outlive a kernel that ${way}`, async () => {
        const own = await startKernel()
        const { outputs } = await own.run(`import { spawn, spawnSync } from 'node:child_process'; ${code}`)
        const pid = Number(result(outputs))
        expect(isRunning(pid)).toBe(true)
        await end(own)
        await expect.poll(() => isRunning(pid)).toBe(false)
      })
})

test('what a library prints when it is imported belongs to the cell that imports it', async () => {
  const { outputs } = await kernel.run(
    'const address: string = "data:text/javascript,console.log(`loaded`)"; await import(address); 1',
  )
  expect(text(outputs)).toBe('loaded\n1')
})

test('a chart says how large its picture is on a page, and what to say where it is not seen', async () => {
  const { messages } = await kernel.run(
    `({ $schema: 'https://vega.github.io/schema/vega-lite/v5.json', title: 'Two <b>bars</b>', width: 100, height: 50, padding: 0,
        data: { values: [{ a: 1 }] }, mark: 'bar' })`,
  )
  const { data, metadata } = messages.find(({ header }) => header.msg_type === 'execute_result')!.content
  const header = Buffer.from(data['image/png'], 'base64')
  const { width, height, alt } = metadata['image/png']
  expect([header.readUInt32BE(16), header.readUInt32BE(20)]).toEqual([2 * width, 2 * height])
  expect(alt).toBe(data['text/plain'])
})
