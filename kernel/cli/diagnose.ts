/**
 * `gradbook diagnose`: for editors that cannot open a comm. A line of JSON with a notebook's cells comes in, a line with the
 * problems of each goes out. The kernel behind it runs no cell; it ends with the input.
 */
import { createInterface } from 'node:readline'
import { startKernel, type Message } from './client/index.js'

/** Of cells of so many characters nobody waits for an answer longer, in milliseconds: then it is an error. */
const patience = 60_000

export async function diagnose(
  folder: string,
  input: NodeJS.ReadableStream = process.stdin,
  output: NodeJS.WritableStream = process.stdout,
): Promise<void> {
  await using kernel = await startKernel({ folder })
  const comm = 'diagnose'
  const send = (type: string, content: object): Promise<void> =>
    kernel.send(kernel.create('shell', type, content))
  await send('comm_open', { comm_id: comm, target_name: 'gradbook.diagnostics', data: {} })
  let count = 0
  const ask = async (cells: unknown): Promise<unknown> => {
    const version = ++count
    const answers = ({ header, content }: Message): boolean =>
      header.msg_type === 'comm_msg' && content.comm_id === comm && content.data?.version === version
    const answer = kernel.wait(answers, { timeout: patience })
    await Promise.all([
      send('comm_msg', { comm_id: comm, data: { method: 'diagnose', version, cells } }),
      answer,
    ])
    return (await answer).content.data.cells
  }
  for await (const line of createInterface({ input })) {
    if (line.trim() === '') continue
    let reply: object
    try {
      const { id, cells } = JSON.parse(line) as { id: unknown; cells: unknown }
      const fits =
        Array.isArray(cells) &&
        cells.every((cell) => typeof cell?.id === 'string' && typeof cell.text === 'string')
      reply = fits
        ? { id, cells: await ask(cells) }
        : { id, error: 'cells: a list of { id, text } is expected' }
    } catch (error) {
      reply = { error: (error as Error).message }
    }
    output.write(`${JSON.stringify(reply)}\n`)
  }
}
