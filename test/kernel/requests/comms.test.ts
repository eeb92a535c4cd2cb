import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { result, useKernel } from '../../kit/index.js'

const kernel = useKernel()

describe('comms', () => {
  test('a page that asks for widgets before there are any is told that there are none, and no comm is closed', async () => {
    const open = { comm_id: 'w1', target_name: 'jupyter.widget.control', data: {} }
    const answered = kernel.wait(({ header }) => header.msg_type === 'comm_msg')
    await kernel.send(kernel.create('shell', 'comm_open', open))
    await kernel.send(
      kernel.create('shell', 'comm_msg', { comm_id: 'w1', data: { method: 'request_states' } }),
    )
    expect((await answered).content).toEqual({
      comm_id: 'w1',
      data: { method: 'update_states', states: {}, buffer_paths: [] },
    })
    await kernel.send(kernel.create('shell', 'comm_close', { comm_id: 'w1', data: {} }))
    const comms = async () => (await kernel.request('shell', 'comm_info_request', {})).content.comms
    await expect.poll(comms).toEqual({})
    expect(kernel.published.some(({ header }) => header.msg_type === 'comm_close')).toBe(false)
  })

  test('opened by the front end reach their target and are answered, buffers included', async () => {
    await kernel.run(`host.comms.registerTarget('echo', (comm, data) => {
      comm.send({ opened: data })
      comm.onMsg((message, buffers) => comm.send({ echo: message }, { buffers }))
      comm.onClose((data) => console.log('closed', data))
    })`)
    const answers = (): unknown[] =>
      kernel.published
        .filter(({ header, content }) => header.msg_type === 'comm_msg' && content.comm_id === 'c1')
        .map(({ content }) => content.data)
    const idle = (id: string): Promise<unknown> =>
      kernel.wait(
        ({ parent_header, content }) => parent_header.msg_id === id && content.execution_state === 'idle',
      )
    const send = async (type: string, content: object, buffers: Uint8Array[] = []): Promise<void> => {
      const message = kernel.create('shell', type, content, { buffers })
      await Promise.all([idle(message.header.msg_id), kernel.send(message)])
    }
    await send('comm_open', { comm_id: 'c1', target_name: 'echo', data: { a: 1 } })
    expect((await kernel.request('shell', 'comm_info_request', {})).content.comms).toEqual({
      c1: { target_name: 'echo' },
    })
    await send('comm_msg', { comm_id: 'c1', data: { b: 2 } }, [new Uint8Array([1, 2, 3])])
    expect(answers()).toEqual([{ opened: { a: 1 } }, { echo: { b: 2 } }])
    const last = kernel.published.findLast(({ header }) => header.msg_type === 'comm_msg')!
    expect([...last.buffers[0]!]).toEqual([1, 2, 3])
    await send('comm_close', { comm_id: 'c1', data: {} })
    expect((await kernel.request('shell', 'comm_info_request', {})).content.comms).toEqual({})
  })

  test('with a target that nobody knows are closed', async () => {
    const closed = kernel.wait(({ header }) => header.msg_type === 'comm_close')
    await kernel.send(kernel.create('shell', 'comm_open', { comm_id: 'c2', target_name: 'nobody', data: {} }))
    expect((await closed).content.comm_id).toBe('c2')
  })

  test('whose target fails when they are opened are closed, with the error shown', async () => {
    await kernel.run(`host.comms.registerTarget('fails', () => { throw new RangeError('not today') })`)
    const closed = kernel.wait(({ header }) => header.msg_type === 'comm_close')
    const shown = kernel.wait(({ header }) => header.msg_type === 'error')
    const message = kernel.create('shell', 'comm_open', { comm_id: 'c4', target_name: 'fails', data: {} })
    await kernel.send(message)
    expect((await closed).content.comm_id).toBe('c4')
    expect((await shown).content).toMatchObject({ ename: 'RangeError', evalue: 'not today' })
    expect((await shown).parent_header.msg_id).toBe(message.header.msg_id)
    expect(
      (await kernel.request('shell', 'comm_info_request', { target_name: 'fails' })).content.comms,
    ).toEqual({})
  })

  test('opened before the cell that registers their target has run lose nothing that is said in them', async () => {
    const heard = kernel.wait(
      ({ header, content }) => header.msg_type === 'comm_msg' && content.data.heard?.length === 3,
    )
    const running = kernel.run(
      `await new Promise((resolve) => setTimeout(resolve, 500))
      host.comms.registerTarget('later', (comm, data) => {
        const heard = [data]
        comm.onMsg((data) => { heard.push(data); comm.send({ heard }) })
      })`,
    )
    await sleep(100)
    await kernel.send(kernel.create('shell', 'comm_open', { comm_id: 'c5', target_name: 'later', data: 1 }))
    for (const data of [2, 3]) await kernel.send(kernel.create('shell', 'comm_msg', { comm_id: 'c5', data }))
    expect((await heard).content.data.heard).toEqual([1, 2, 3])
    await running
  })

  test('are listed by their target', async () => {
    const { outputs } = await kernel.run(
      `const [one, two] = [host.comms.open('listed', {}), host.comms.open('other', {})]; one.id`,
    )
    const { comms } = (await kernel.request('control', 'comm_info_request', { target_name: 'listed' }))
      .content
    expect(comms).toEqual({ [result(outputs)!.slice(1, -1)]: { target_name: 'listed' } })
  })

  test('are heard while a cell awaits', async () => {
    await kernel.run(
      `host.comms.registerTarget('now', (comm) => comm.onMsg(() => { globalThis.heard = true }))`,
    )
    await kernel.send(kernel.create('shell', 'comm_open', { comm_id: 'c3', target_name: 'now', data: {} }))
    const running = kernel.run('while (!(globalThis as any).heard) await host.breathe(); "heard"')
    await kernel.send(kernel.create('shell', 'comm_msg', { comm_id: 'c3', data: {} }))
    expect(result((await running).outputs)).toBe("'heard'")
  })
})

test('the comm target gradbook.diagnostics tells the problems of cells as they stand, also while a cell runs', async () => {
  const running = kernel.run('while (true) {}')
  await sleep(200)
  await kernel.send(
    kernel.create('shell', 'comm_open', { comm_id: 'd1', target_name: 'gradbook.diagnostics', data: {} }),
  )
  const answer = kernel.wait(
    ({ header, content }) => header.msg_type === 'comm_msg' && content.comm_id === 'd1',
  )
  const cells = [
    { id: 'a', text: 'const asNumber: number = 1' },
    { id: 'b', text: 'const asText: string = asNumber' },
  ]
  await kernel.send(
    kernel.create('shell', 'comm_msg', { comm_id: 'd1', data: { method: 'diagnose', version: 7, cells } }),
  )
  const { data } = (await answer).content
  expect(data.version).toBe(7)
  expect(data.cells[0]).toEqual({ id: 'a', diagnostics: [] })
  expect(data.cells[1]).toMatchObject({
    id: 'b',
    diagnostics: [{ code: 'TS2322', severity: 'error', place: { line: 1, column: 7 } }],
  })
  await kernel.interrupt()
  await running
})
