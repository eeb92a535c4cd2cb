import { describe, expect, test } from 'vitest'
import { patience, result, stream, useKernel } from '../kit/index.js'

describe('an output widget', () => {
  const kernel = useKernel()
  const outputsOf = async (name: string) =>
    JSON.parse(stream((await kernel.run(`console.log(JSON.stringify(${name}.outputs))`)).outputs))

  test('takes in what a piece of work prints, shows and updates, also later, and nothing beside it', async () => {
    const { outputs } = await kernel.run(`import { Output } from 'gradbook/widgets'
const log = Output()
const given = await log.capture(async () => {
  console.log('one')
  const shown = display(html('<i>0</i>'))
  await new Promise((done) => setTimeout(done, 5))
  shown.update(html('<b>1</b>'))
  console.error('two')
  return 7
})
console.log('outside')
given`)
    expect(outputs.map(({ output_type }) => output_type)).toEqual(['stream', 'execute_result'])
    expect(result(outputs)).toBe('7')
    expect(await outputsOf('log')).toMatchObject([
      { output_type: 'stream', name: 'stdout', text: 'one\n' },
      { output_type: 'display_data', data: { 'text/html': '<b>1</b>' } },
      { output_type: 'stream', name: 'stderr', text: 'two\n' },
    ])
  })

  test('shows an error of the work as a cell would, and the cell goes on', async () => {
    const { status, outputs } = await kernel.run(`const failed = Output()
await failed.capture(() => { throw new RangeError('too far') })`)
    expect([status, outputs]).toEqual(['ok', []])
    expect(await outputsOf('failed')).toMatchObject([
      { output_type: 'error', ename: 'RangeError', evalue: 'too far' },
    ])
  })

  test('tells front ends of a crowd of lines in few messages', async () => {
    const { messages } = await kernel.run(`const many = Output()
await many.capture(() => { for (let i = 0; i < 5000; i++) console.log(i) })`)
    const sent = messages.filter(({ header }) => header.msg_type === 'comm_msg')
    expect(sent.length).toBeLessThan(60)
    expect(sent.at(-1)!.content.data.state.outputs[0].text).toMatch(/4998\n4999\n$/)
  })

  test('shows what a listener prints in answer to a front end', async () => {
    await kernel.run(`import { Button } from 'gradbook/widgets'
const clicks = Output()
const press = Button().onClick(() => clicks.capture(() => console.log('pressed')))`)
    const id = result((await kernel.run('press.id')).outputs)!.slice(1, -1)
    await kernel.send(
      kernel.create('shell', 'comm_msg', {
        comm_id: id,
        data: { method: 'custom', content: { event: 'click' } },
      }),
    )
    await expect.poll(() => outputsOf('clicks')).toMatchObject([{ text: 'pressed\n' }])
  })
})

describe('interact', () => {
  const kernel = useKernel()

  test('shows what the function prints, and later errors, in its place; its first error ends the cell', async () => {
    const { outputs } = await kernel.run(`import { interact, IntSlider } from 'gradbook/widgets'
const x = IntSlider({ value: 1 })
await interact(({ x }) => { console.log('x is', x); if (x > 5) throw new Error('too much'); return x * 2 }, { x })`)
    expect(outputs.map(({ output_type }) => output_type)).toEqual(['display_data', 'display_data'])
    const told = kernel.wait(
      ({ header, content }) => header.msg_type === 'comm_msg' && content.data.state?.outputs?.length === 2,
      { timeout: patience },
    )
    await kernel.run('x.value = 9')
    expect((await told).content.data.state.outputs).toMatchObject([
      { text: 'x is 9\n' },
      { output_type: 'error', evalue: 'too much' },
    ])
    const { status } = await kernel.run(`await interact(({ y }) => { throw new Error('at once') }, { y: 1 })`)
    expect(status).toBe('error')
  })
})
