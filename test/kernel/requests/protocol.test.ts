import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { KernelClient } from '../../../kernel/cli/client/index.js'
import { error, result, startKernel, stream, text, useKernel } from '../../kit/index.js'

const kernel = useKernel()
const types = (messages: readonly { header: { msg_type: string } }[]): string[] =>
  messages.map(({ header }) => header.msg_type)

describe('a cell', () => {
  test('is busy first and idle last, with its input, its outputs and one reply between', async () => {
    const { messages, reply } = await kernel.run('console.log("a"); display("b"); console.log("c"); 1 + 1')
    expect(types(messages)).toEqual([
      'status',
      'execute_input',
      'stream',
      'display_data',
      'stream',
      'execute_result',
      'status',
    ])
    expect(messages[0]!.content.execution_state).toBe('busy')
    expect(messages.at(-1)!.content.execution_state).toBe('idle')
    expect(reply).toMatchObject({ status: 'ok', payload: [] })
  })

  test('gets the next number, which its input, its result and its reply all carry', async () => {
    const first = (await kernel.run('0')).reply.execution_count as number
    const { messages, reply } = await kernel.run('1')
    expect(reply.execution_count).toBe(first + 1)
    for (const type of ['execute_input', 'execute_result'])
      expect(messages.find(({ header }) => header.msg_type === type)!.content.execution_count).toBe(first + 1)
  })

  test('shows null and nothing for undefined', async () => {
    expect(result((await kernel.run('null')).outputs)).toBe('null')
    expect((await kernel.run('undefined')).outputs).toEqual([])
  })

  test('that fails says so once, and the cells queued behind it are aborted', async () => {
    const [failed, next] = await Promise.all([
      kernel.run('await new Promise((resolve) => setTimeout(resolve, 200)); throw new RangeError("no")'),
      kernel.run('1'),
    ])
    expect(failed.outputs).toHaveLength(1)
    expect(error(failed.outputs)).toMatchObject({ ename: 'RangeError', evalue: 'no' })
    expect(failed.reply).toMatchObject({ status: 'error', ename: 'RangeError', evalue: 'no' })
    expect(next.status).toBe('aborted')
    expect((await kernel.run('1')).status).toBe('ok')
  })

  test('that fails with stop_on_error off lets the next one run', async () => {
    const [, next] = await Promise.all([
      kernel.run('throw new Error("no")', { stop_on_error: false }),
      kernel.run('2'),
    ])
    expect(result(next.outputs)).toBe('2')
  })

  test('that is silent publishes no more than its state and is not counted', async () => {
    const before = (await kernel.run('0')).reply.execution_count as number
    const silent = await kernel.run('console.log("x"); display(1); 5', { silent: true })
    expect(types(silent.messages)).toEqual(['status', 'status'])
    expect(silent.status).toBe('ok')
    expect((await kernel.run('0')).reply.execution_count).toBe(before + 1)
  })

  test('answers user_expressions with their values, and with the error of one that fails', async () => {
    const { reply } = await kernel.run('const forExpressions = 20', {
      user_expressions: { value: 'forExpressions + 1', wrong: 'nowhere.at.all', broken: '1 +' },
    })
    expect(reply.user_expressions.value).toMatchObject({ status: 'ok', data: { 'text/plain': '21' } })
    expect(reply.user_expressions.wrong).toMatchObject({ status: 'error', ename: 'ReferenceError' })
    expect(reply.user_expressions.broken.status).toBe('error')
  })
})

test('the language that front ends are told of is the TypeScript that checks the cells', () => {
  const { version } = JSON.parse(readFileSync('node_modules/typescript/package.json', 'utf8'))
  expect(kernel.info.language_info).toMatchObject({ name: 'typescript', version })
})

describe('output that comes late', () => {
  test('belongs to the cell that caused it', async () => {
    const first = kernel.create('shell', 'execute_request', {
      code: 'setTimeout(() => console.log("late"), 300)',
    })
    const late = kernel.wait((message) => message.header.msg_type === 'stream')
    await Promise.all([late, kernel.send(first), kernel.run('1 + 1')])
    expect((await late).parent_header.msg_id).toBe(first.header.msg_id)
  })

  for (const [name, code] of Object.entries({
    rejection: 'setTimeout(() => Promise.reject(new Error("too late")), 200)',
    'uncaught error': 'setTimeout(() => { throw new Error("too late") }, 200)',
  }))
    test(`a ${name} is shown under its cell and the kernel lives on`, async () => {
      const late = kernel.wait((message) => message.header.msg_type === 'error')
      const { replyMessage } = await kernel.run(code)
      await kernel.run('await new Promise((resolve) => setTimeout(resolve, 300))')
      expect((await late).content).toMatchObject({ ename: 'Error', evalue: 'too late' })
      expect((await late).parent_header.msg_id).toBe(replyMessage.parent_header.msg_id)
      expect((await kernel.run('1')).status).toBe('ok')
    })
})

describe('displays', () => {
  test('with an id are updated in place, by the same cell and by a later one', async () => {
    const { outputs, messages } = await kernel.run(
      'const shown = display("a", { display_id: "one" }); shown.update("b")',
    )
    expect(types(messages)).toContain('update_display_data')
    expect(text(outputs)).toBe("'b'")
    const later = await kernel.run('shown.update({ "text/plain": "c" }, { raw: true })')
    const update = later.messages.find(({ header }) => header.msg_type === 'update_display_data')!
    expect(update.content).toMatchObject({
      data: { 'text/plain': 'c' },
      metadata: {},
      transient: { display_id: 'one' },
    })
  })

  test('clearOutput removes what was shown', async () => {
    const { outputs } = await kernel.run('console.log("gone"); clearOutput(); console.log("stays")')
    expect(text(outputs)).toBe('stays\n')
  })

  test('carry bytes as base64', async () => {
    const { messages } = await kernel.run(
      'display({ "image/png": new Uint8Array([137, 80, 78, 71]) }, { raw: true })',
    )
    const display = messages.find(({ header }) => header.msg_type === 'display_data')!
    expect(display.content.data['image/png']).toBe('iVBORw==')
  })
})

describe('while a cell runs without ever giving way', () => {
  test('kernel_info, completion, is_complete and comm_info are answered, and it is busy again after each', async () => {
    const { ended } = await kernel.begin('while (true) {}')
    for (const [channel, type, content] of [
      ['control', 'kernel_info_request', {}],
      ['shell', 'kernel_info_request', {}],
      ['shell', 'complete_request', { code: 'Math.flo', cursor_pos: 8 }],
      ['shell', 'is_complete_request', { code: 'if (true) {' }],
      ['shell', 'comm_info_request', {}],
      ['shell', 'inspect_request', { code: 'Math', cursor_pos: 2, detail_level: 0 }],
    ] as const) {
      const reply = await kernel.request(channel, type, content)
      expect(reply.content.status, type).toMatch(/ok|incomplete/)
    }
    const last = () => kernel.published.filter(({ header }) => header.msg_type === 'status').at(-1)!
    await expect
      .poll(() => [last().content.execution_state, last().parent_header.msg_type])
      .toEqual(['busy', 'execute_request'])
    await kernel.interrupt()
    expect((await ended).status).toBe('error')
  })
})

describe('beside its content', () => {
  test('the reply to a cell says when the cell began', async () => {
    const before = Date.now()
    const { replyMessage } = await kernel.run('await new Promise((resolve) => setTimeout(resolve, 100))')
    const began = Date.parse(replyMessage.metadata.started)
    expect(began).toBeGreaterThanOrEqual(before)
    expect(began).toBeLessThan(Date.parse(replyMessage.header.date))
  })
})

test('connect_request is answered with the ports', async () => {
  const { shell_port, iopub_port, stdin_port, control_port, hb_port } = kernel.connection
  expect((await kernel.request('shell', 'connect_request')).content).toEqual({
    status: 'ok',
    shell_port,
    iopub_port,
    stdin_port,
    control_port,
    hb_port,
  })
})

describe('history', () => {
  test('has the tail, a range, and what a pattern finds, each once when asked', async () => {
    for (const code of ['"h1"', '"h2"', '"h1"']) await kernel.run(code)
    const count = (await kernel.run('"h3"', { store_history: false })).reply.execution_count as number
    const ask = async (content: object): Promise<unknown[]> =>
      (
        await kernel.request('shell', 'history_request', {
          output: false,
          raw: true,
          session: 0,
          ...content,
        })
      ).content.history
    expect(await ask({ hist_access_type: 'tail', n: 2 })).toEqual([
      [1, count - 1, '"h2"'],
      [1, count, '"h1"'],
    ])
    expect(await ask({ hist_access_type: 'range', start: count - 1, stop: count })).toEqual([
      [1, count - 1, '"h2"'],
    ])
    expect(await ask({ hist_access_type: 'search', pattern: '"h?"', n: 10 })).toHaveLength(3)
    expect(await ask({ hist_access_type: 'search', pattern: '"h?"', n: 10, unique: true })).toHaveLength(2)
    expect(await ask({ hist_access_type: 'tail', n: 1, output: true })).toEqual([[1, count, ['"h1"', null]]])
  })
})

describe('stdin', () => {
  test('prompt, confirm and host.ask get what the user types', async () => {
    const asked: { prompt: string; password: boolean }[] = []
    const { outputs } = await kernel.run(
      'const name = prompt("name?"); const sure = confirm("sure?"); const key = await host.ask("key?", { password: true }); [name, sure, key].join()',
      {
        answer: (request) => {
          asked.push(request)
          return request.password ? 'secret' : request.prompt.startsWith('sure') ? 'y' : 'Ada'
        },
      },
    )
    expect(result(outputs)).toBe("'Ada,true,secret'")
    expect(asked.map(({ password }) => password)).toEqual([false, false, true])
  })

  test('without a user prompt gives null and host.ask says what to do', async () => {
    expect(result((await kernel.run('prompt("name?")')).outputs)).toBe('null')
    expect(error((await kernel.run('await host.ask("key?")')).outputs)?.evalue).toMatch(
      /nobody can answer 'key\?'/,
    )
  })

  test('the answer of a front end that was not asked is ignored', async () => {
    const onlooker = new KernelClient(kernel.connection)
    try {
      await onlooker.ready()
      const { outputs } = await kernel.run('prompt("name?")', {
        answer: async () => {
          await onlooker.send(onlooker.create('stdin', 'input_reply', { value: 'Eve', status: 'ok' }))
          await sleep(300)
          return 'Ada'
        },
      })
      expect(result(outputs)).toBe("'Ada'")
    } finally {
      onlooker.close()
    }
  })

  test('a question that nobody answers can be stopped', async () => {
    const asks = kernel.wait(({ header }) => header.msg_type === 'input_request')
    const running = kernel.run('prompt("name?"); console.log("went on")', {
      answer: () => new Promise<string>(() => {}),
    })
    await asks
    await kernel.interrupt()
    const { outputs } = await running
    expect(error(outputs)?.ename).toBe('Interrupted')
    expect(stream(outputs)).toBe('')
  })
})

describe('the end', () => {
  test('shutdown is answered with its restart flag, and the process ends with 0', async () => {
    const own = await startKernel()
    const reply = await own.request('control', 'shutdown_request', { restart: true })
    expect(reply.content).toEqual({ status: 'ok', restart: true })
    const told = () => own.published.find(({ header }) => header.msg_type === 'shutdown_reply')?.content
    await expect.poll(told, { message: 'what the other front ends hear' }).toEqual(reply.content)
    expect(await own.exited).toEqual({ code: 0, signal: null })
  })

  test('shutdown works while a cell loops', async () => {
    const own = await startKernel()
    await own.begin('while (true) {}')
    expect((await own.request('control', 'shutdown_request', { restart: false })).content.status).toBe('ok')
    await own.exited
  })

  test('process.exit() in a cell answers it and ends with that code', async () => {
    const own = await startKernel()
    const { reply, outputs } = await own.run('console.log("last"); process.exit(3)')
    expect(stream(outputs)).toBe('last\n')
    expect(reply).toMatchObject({ status: 'error', ename: 'Exit' })
    expect(await own.exited).toEqual({ code: 3, signal: null })
  })
})
