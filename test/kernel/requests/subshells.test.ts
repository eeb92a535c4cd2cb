import { describe, expect, test } from 'vitest'
import { error, result, stream, useKernel } from '../../kit/index.js'

const kernel = useKernel()

describe('subshells', () => {
  test('are created, listed and deleted, over control', async () => {
    const ask = async (type: string, content: object = {}): Promise<any> =>
      (await kernel.request('control', type, content)).content
    const { subshell_id: id } = await ask('create_subshell_request')
    expect(await ask('list_subshell_request')).toEqual({ status: 'ok', subshell_id: [id] })
    expect(await ask('delete_subshell_request', { subshell_id: id })).toEqual({ status: 'ok' })
    expect((await ask('delete_subshell_request', { subshell_id: id })).status).toBe('error')
    expect(await ask('list_subshell_request')).toEqual({ status: 'ok', subshell_id: [] })
    expect(kernel.info.supported_features).toContain('kernel subshells')
  })

  test('run a cell while one of the main shell awaits, each output under its own', async () => {
    const { subshell_id: id } = (await kernel.request('control', 'create_subshell_request')).content
    const { ended } = await kernel.begin(
      'await new Promise<void>((resolve) => { globalThis.goOn = resolve }); console.log("main")',
    )
    const beside = kernel.create('shell', 'execute_request', {
      code: 'console.log("beside"); (globalThis as any).goOn()',
    })
    Object.assign(beside.header, { subshell_id: id })
    const printed = kernel.wait(
      ({ header, parent_header }) =>
        header.msg_type === 'stream' && parent_header.msg_id === beside.header.msg_id,
    )
    await kernel.send(beside)
    expect((await printed).content.text).toBe('beside\n')
    expect(stream((await ended).outputs)).toBe('main\n')
    await kernel.request('control', 'delete_subshell_request', { subshell_id: id })
  })

  test('that are not there run nothing: the request is answered with an error, which is shown', async () => {
    const message = kernel.create('shell', 'execute_request', { code: 'globalThis.ranNowhere = true' })
    Object.assign(message.header, { subshell_id: 'no-such-subshell' })
    const isMine = ({ parent_header }: { parent_header: { msg_id?: string } }): boolean =>
      parent_header.msg_id === message.header.msg_id
    const shown = kernel.wait((found) => isMine(found) && found.header.msg_type === 'error')
    const reply = kernel.wait((found) => isMine(found) && found.channel === 'shell')
    await kernel.send(message)
    expect((await reply).content).toMatchObject({ status: 'error', ename: 'NoSuchSubshell' })
    expect((await shown).content.evalue).toMatch(/no-such-subshell/)
    expect(result((await kernel.run('(globalThis as any).ranNowhere ?? "nothing ran"')).outputs)).toBe(
      "'nothing ran'",
    )
  })

  test('are stopped with the rest', async () => {
    const { subshell_id: id } = (await kernel.request('control', 'create_subshell_request')).content
    const { ended } = await kernel.begin('await new Promise(() => {})')
    const beside = kernel.create('shell', 'execute_request', {
      code: 'console.log("loops"); while (true) {}',
    })
    Object.assign(beside.header, { subshell_id: id })
    const loops = kernel.wait(({ content }) => content.text === 'loops\n')
    const reply = kernel.wait(
      ({ parent_header }) =>
        parent_header.msg_id === beside.header.msg_id && parent_header.msg_type === 'execute_request',
    )
    await kernel.send(beside)
    await loops
    await kernel.interrupt()
    expect(error((await ended).outputs)?.ename).toBe('Interrupted')
    await reply
    expect((await kernel.run('1')).status).toBe('ok')
  })
})
