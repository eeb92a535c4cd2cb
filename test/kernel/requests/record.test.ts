import { describe, expect, test } from 'vitest'
import { KeptOutputs } from '../../../kernel/requests/comms/kept-outputs.js'

/** A record that has been told to expect a cell with id 'c1', asked to run by message 'm1'. */
function recordOf(cell = 'c1', request = 'm1', record = new KeptOutputs()) {
  record.expect({ header: { msg_id: request }, metadata: { cellId: cell }, content: { code: '' } } as never)
  const note = (type: string, content: object | Promise<object>, from = request) =>
    record.note({ msg_id: from }, type, content)
  note('execute_input', { execution_count: 1 })
  const outputs = async () => {
    await new Promise((resolve) => setImmediate(resolve))
    return record.find(request)?.outputs
  }
  return { record, note, outputs }
}

describe('what a cell showed is kept as a notebook file stores it', () => {
  test('in order, though pictures are made later than what follows them', async () => {
    const { note, outputs } = recordOf()
    const picture = new Promise<object>((resolve) =>
      setTimeout(() => resolve({ data: { 'image/png': 'x' }, metadata: {} }), 5),
    )
    note('stream', { name: 'stdout', text: 'a' })
    note('display_data', picture)
    note('stream', { name: 'stdout', text: 'b' })
    note('stream', { name: 'stdout', text: 'c' })
    await picture
    expect((await outputs())!.map((output) => ('text' in output ? output.text : output.output_type))).toEqual(
      ['a', 'display_data', 'bc'],
    )
  })

  test('a display that is updated, even by another request, shows its newest state', async () => {
    const { note, outputs } = recordOf()
    note('display_data', { data: { a: 1 }, metadata: {}, transient: { display_id: 'd' } })
    await outputs()
    note('update_display_data', { data: { a: 2 }, metadata: {}, transient: { display_id: 'd' } }, 'later')
    expect(await outputs()).toEqual([{ output_type: 'display_data', data: { a: 2 }, metadata: {} }])
  })

  test('cleared at once, or when the next output comes', async () => {
    const { note, outputs } = recordOf()
    note('stream', { name: 'stdout', text: 'a' })
    note('clear_output', { wait: true })
    expect(await outputs()).toHaveLength(1)
    note('stream', { name: 'stdout', text: 'b' })
    expect(await outputs()).toEqual([{ output_type: 'stream', name: 'stdout', text: 'b' }])
    note('clear_output', { wait: false })
    expect(await outputs()).toEqual([])
  })

  test('until it is saved, but not while it runs', async () => {
    const { record, note, outputs } = recordOf()
    await outputs()
    record.forget('m1')
    expect(await outputs()).toBeDefined()
    note('status', { execution_state: 'idle' })
    await outputs()
    record.forget('m1')
    expect(await outputs()).toBeUndefined()
  })

  test('of the newest run of a cell only', async () => {
    const { record, note, outputs } = recordOf()
    note('status', { execution_state: 'idle' })
    await outputs()
    recordOf('c1', 'm2', record)
    expect([...record.cells].map(({ request }) => request)).toEqual(['m2'])
  })

  test('of a limited number of cells, and of none from front ends that name no cells', async () => {
    const { record } = recordOf()
    record.expect({ header: { msg_id: 'n' }, metadata: {}, content: {} } as never)
    expect(record.find('n')).toBeUndefined()
    for (let i = 0; i < 100; i++) {
      const { note, outputs } = recordOf(`x${i}`, `y${i}`, record)
      note('status', { execution_state: 'idle' })
      await outputs()
    }
    expect([...record.cells].length).toBeLessThanOrEqual(65)
    expect(record.find('y99')).toBeDefined()
    expect(record.find('m1')).toBeDefined()
  })
})
