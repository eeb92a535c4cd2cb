import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { encodeMessage, sign } from '../../../kernel/cli/client/index.js'
import { error, result, startKernel, stream, useKernel, type TestKernel } from '../../kit/index.js'
import { long } from '../../kit/needs.js'
import { createRandom } from '../../kit/random.js'

const kernel = useKernel()

/** The kernel still answers, on both channels and with a cell. */
async function isWell(kernel: TestKernel): Promise<void> {
  for (const channel of ['shell', 'control'] as const)
    expect((await kernel.request(channel, 'kernel_info_request', {})).content.status).toBe('ok')
  expect(result((await kernel.run('1 + 1')).outputs)).toBe('2')
}

const request = (type = 'kernel_info_request', content: unknown = {}): (string | Uint8Array)[] =>
  encodeMessage(kernel.create('shell', type, content), kernel.connection.key)

/** Frames of any text, signed as they should be. */
function signed(...parts: string[]): string[] {
  return ['<IDS|MSG>', sign(kernel.connection.key, parts), ...parts]
}

describe('a message is ignored with a line in the log', () => {
  const header = JSON.stringify({ msg_id: 'x', msg_type: 'kernel_info_request', session: 's' })
  const wrong: Record<string, () => (string | Uint8Array)[]> = {
    'with a wrong signature': () =>
      encodeMessage(kernel.create('shell', 'kernel_info_request', {}), 'other key'),
    'with an empty signature': () => request().map((frame, index) => (index === 1 ? '' : frame)),
    'with a signature of bytes': () =>
      request().map((frame, index) => (index === 1 ? new Uint8Array(64) : frame)),
    'without a delimiter': () => request().slice(1),
    'with missing frames': () => request().slice(0, 4),
    'with nothing': () => [''],
    'with JSON that is none': () => signed('{', '{}', '{}', '{}'),
    'with a header that is a list': () => signed('[]', '{}', '{}', '{}'),
    'with a header without a type': () => signed('{"msg_id":"x"}', '{}', '{}', '{}'),
    'with content that is a text': () => signed(header, '{}', '{}', '"x"'),
    'with content that is null': () => signed(header, '{}', '{}', 'null'),
    'of an unknown type': () => request('make_coffee_request'),
    'with the type of a method': () => request('constructor'),
  }
  for (const [name, frames] of Object.entries(wrong))
    test(name, async () => {
      const before = kernel.said.length
      await kernel.sendFrames('shell', frames())
      await isWell(kernel)
      await expect
        .poll(() => kernel.said.slice(before))
        .toMatch(/^\[gradbook\] ignored a message on shell: .+/m)
    })

  test('that came before', async () => {
    await kernel.run('globalThis.times = 0')
    const frames = encodeMessage(
      kernel.create('shell', 'execute_request', { code: '(globalThis as any).times++' }),
      kernel.connection.key,
    )
    for (let i = 0; i < 3; i++) await kernel.sendFrames('shell', frames)
    expect(result((await kernel.run('(globalThis as any).times')).outputs)).toBe('1')
    await expect.poll(() => kernel.said).toMatch(/came before/)
  })
})

describe('a request whose content is not what it should be is answered', () => {
  for (const [type, content] of [
    ['execute_request', {}],
    ['execute_request', { code: 7, user_expressions: 'x' }],
    ['complete_request', {}],
    ['complete_request', { code: 'a', cursor_pos: -5 }],
    ['complete_request', { code: 'a', cursor_pos: 1e9 }],
    ['inspect_request', { code: null, cursor_pos: 'x' }],
    ['is_complete_request', { code: {} }],
    ['execute_request', { code: '1', user_expressions: 'x'.repeat(10_000) }],
    ['history_request', {}],
    ['history_request', { hist_access_type: 'constructor' }],
    ['history_request', { hist_access_type: 'search', pattern: '[(*', n: -1 }],
    ['comm_info_request', { target_name: 5 }],
  ] as const)
    test(`${type} ${JSON.stringify(content).slice(0, 100)}`, async () => {
      const reply = await kernel.request('shell', type, content)
      expect(reply.content.status).toMatch(/^(ok|error|complete|incomplete|invalid)$/)
      await isWell(kernel)
    })
})

test('a cell of 5 MB is run', async () => {
  const { outputs } = await kernel.run(`/* ${'x'.repeat(5e6)} */ 'done'`)
  expect(result(outputs)).toBe("'done'")
})

test(`after ${long ? '10,000' : '1,000'} malformed or mutated messages a good one is answered`, async () => {
  const random = createRandom(20260)
  const types = [
    'execute_request',
    'complete_request',
    'comm_msg',
    'history_request',
    'comm_open',
    'is_complete_request',
  ]
  for (let i = 0; i < (long ? 10_000 : 1_000); i++) {
    const frames: Buffer[] = request(random.pick(types), { code: '1', comm_id: 'x', data: {} }).map((frame) =>
      Buffer.from(frame),
    )
    for (let changes = random.below(3) + 1; changes > 0; changes--) {
      const at = random.below(frames.length)
      const frame = frames[at] ?? Buffer.alloc(0)
      const mutate = [
        () => frames.splice(at, 1),
        () => frames.splice(at, 0, random.bytes(random.below(64))),
        () => (frames[at] = frame.subarray(0, random.below(frame.length + 1))),
        () => (frames[at] = random.bytes(random.below(300))),
        () => frame.length && (frame[random.below(frame.length)] = random.below(256)),
        () => frames.reverse(),
      ]
      random.pick(mutate)()
    }
    // What cannot be told from a good message may be one: sign some of the wrecks.
    if (random.below(4) === 0 && frames.length >= 6)
      frames[1] = Buffer.from(sign(kernel.connection.key, frames.slice(2, 6)))
    await kernel.sendFrames(
      random.pick(['shell', 'control', 'stdin'] as const),
      frames.length ? frames : [''],
    )
  }
  await isWell(kernel)
})

describe('a kernel that cannot go on ends, and says so to whoever waits', () => {
  test('when a cell takes all memory', async () => {
    const own = await startKernel({ env: { ...process.env, NODE_OPTIONS: '--max-old-space-size=100' } })
    const running = own.run(
      'const all: unknown[] = []; for (;;) all.push(new Array(10_000).fill(all.length))',
    )
    await expect(running).rejects.toThrow(/the kernel ended/)
    expect((await own.exited).signal ?? (await own.exited).code).not.toBe(0)
  })

  test('when native code aborts', async () => {
    const own = await startKernel()
    await expect(own.run('process.abort()')).rejects.toThrow(/the kernel ended \(signal SIGABRT\)/)
  })
})

test('expressions of 20,000 terms run, and nesting that V8 refuses is one error', async () => {
  const own = await startKernel()
  try {
    const sum = await own.run(Array(20_000).fill('1').join(' + '))
    expect(result(sum.outputs)).toBe('20000')
    const nested = await own.run(`${'['.repeat(4_000)}${']'.repeat(4_000)}.length`)
    if (nested.status === 'error') expect(error(nested.outputs)?.ename).toBe('RangeError')
    expect(result((await own.run('1 + 1')).outputs)).toBe('2')
  } finally {
    await own.shutdown()
  }
})

test(`${long ? '1,000' : '100'} random cells keep the promises: one reply, busy first, idle last, names kept`, async () => {
  const own = await startKernel()
  const random = createRandom(11)
  const values = new Map<string, number>()
  let nextCount = 1
  try {
    for (let i = 0; i < (long ? 1_000 : 100); i++) {
      const name = `n${random.below(5)}`
      const number = random.below(1_000)
      const known = [...values.keys()]
      const kind = random.pick([
        'declare',
        'assign',
        'throw',
        'await',
        'stop',
        'read',
        'print',
        'wrong',
      ] as const)
      const cells: Record<
        typeof kind,
        { code: string; status?: string; stop?: boolean; after?: () => void }
      > = {
        declare: {
          code: `${random.pick(['let', 'const', 'var'])} ${name} = ${number}`,
          after: () => values.set(name, number),
        },
        assign: { code: `var ${name} = ${number}; ${name} + 1`, after: () => values.set(name, number) },
        throw: {
          code: `let ${name} = ${number}; throw new Error('on purpose')`,
          status: 'error',
          after: () => values.set(name, number),
        },
        await: {
          code: `const ${name} = await new Promise<number>((resolve) => setTimeout(resolve, 1, ${number}))`,
          after: () => values.set(name, number),
        },
        stop: {
          code: random.pick(['while (true) {}', 'await new Promise(() => {})', 'for (;;) await 0']),
          status: 'error',
          stop: true,
        },
        read: { code: known.length ? known.join(' + ') : '0' },
        print: { code: `console.log(${number}); ${number}` },
        wrong: { code: `const broken: string = ${number}`, status: 'error' },
      }
      const { code, status = 'ok', stop, after } = cells[kind]
      const running = own.run(code)
      if (stop) {
        await sleep(50)
        await own.interrupt()
      }
      const ran = await running
      expect(ran.status, code).toBe(status)
      expect(ran.reply.execution_count, code).toBe(nextCount++)
      expect(ran.messages[0]!.content.execution_state).toBe('busy')
      expect(ran.messages.at(-1)!.content.execution_state).toBe('idle')
      expect(ran.messages.filter(({ header }) => header.msg_type === 'error')).toHaveLength(
        status === 'error' ? 1 : 0,
      )
      if (status === 'error') expect(error(ran.outputs)).toBeDefined()
      if (kind === 'read' && known.length)
        expect(result(ran.outputs), code).toBe(String([...values.values()].reduce((a, b) => a + b, 0)))
      if (kind === 'print') expect(stream(ran.outputs)).toBe(`${number}\n`)
      after?.()
    }
  } finally {
    await own.shutdown()
  }
}, 600_000)

test(`Stop ${long ? 100 : 10} times in each kind of loop leaves the kernel well`, async () => {
  const own = await startKernel()
  try {
    await own.run('let kept = 0')
    for (let i = 0; i < (long ? 100 : 10); i++)
      for (const code of [
        'kept++; while (true) {}',
        'kept++; for (;;) await 0',
        'kept++; for (;;) await new Promise((resolve) => setTimeout(resolve, 1))',
        'kept++; setTimeout(() => { while (true) {} }, 1); await new Promise(() => {})',
      ]) {
        const begun = own.wait(({ header }) => header.msg_type === 'stream')
        const running = own.run(`console.log('begun'); ${code}`)
        await begun
        await sleep(10)
        await own.interrupt()
        expect((await running).status, code).toBe('error')
      }
    expect(result((await own.run('kept')).outputs)).toBe(String((long ? 100 : 10) * 4))
  } finally {
    await own.shutdown()
  }
}, 600_000)
