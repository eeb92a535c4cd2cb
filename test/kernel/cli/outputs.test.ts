import { expect, it } from 'vitest'
import { CellOutputs, Displays } from '../../../kernel/cli/notebook/outputs.js'
import { createMessage, decodeMessage, encodeMessage } from '../../../kernel/cli/client/index.js'

const published = (type: string, content: unknown) => createMessage('s', 'iopub', type, content)
const shown = (text: string, display_id?: string) => ({
  data: { 'text/plain': text },
  metadata: {},
  transient: display_id ? { display_id } : {},
})

it('joins neighbouring pieces of one stream and keeps the order of different ones', () => {
  const cell = new CellOutputs()
  for (const [name, text] of [
    ['stdout', 'a'],
    ['stdout', 'b'],
    ['stderr', 'c'],
    ['stdout', 'd'],
  ])
    cell.take(published('stream', { name, text }))
  expect(cell.outputs).toEqual([
    { output_type: 'stream', name: 'stdout', text: 'ab' },
    { output_type: 'stream', name: 'stderr', text: 'c' },
    { output_type: 'stream', name: 'stdout', text: 'd' },
  ])
})

it('updates a display by its id, in an earlier cell too', () => {
  const displays = new Displays()
  const first = new CellOutputs(displays)
  const second = new CellOutputs(displays)
  first.take(published('display_data', shown('old', 'chart')))
  second.take(published('update_display_data', shown('new', 'chart')))
  expect(first.outputs).toMatchObject([{ data: { 'text/plain': 'new' } }])
  expect(second.outputs).toEqual([])
})

it('clears at once, or with the next output', () => {
  const cell = new CellOutputs()
  cell.take(published('stream', { name: 'stdout', text: 'a' }))
  cell.take(published('clear_output', { wait: true }))
  expect(cell.outputs).toHaveLength(1)
  cell.take(published('stream', { name: 'stdout', text: 'b' }))
  expect(cell.outputs).toEqual([{ output_type: 'stream', name: 'stdout', text: 'b' }])
  cell.take(published('clear_output', { wait: false }))
  expect(cell.outputs).toEqual([])
})

it('reads back what it wrote on the wire, and refuses a message signed with another key', () => {
  const message = createMessage(
    's',
    'shell',
    'execute_request',
    { code: 'ü' },
    { buffers: [Buffer.from([0, 255])] },
  )
  const frames = encodeMessage(message, 'key').map((frame) => Buffer.from(frame))
  expect(decodeMessage('shell', [Buffer.from('who'), ...frames], 'key')).toEqual(message)
  expect(() => decodeMessage('shell', frames, 'other')).toThrow('wrong signature')
  expect(() => decodeMessage('shell', frames.slice(0, 3), 'key')).toThrow('lacks its parts')
})
