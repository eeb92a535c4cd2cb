/**
 * Type errors while typing: a comm whose other end is this thread, so that it is answered while a cell runs. A front end
 * sends the notebook's cells as they stand, and gets the problems of each.
 */
import type { CommMessage } from '../port.js'
import type { Message } from '../wire/index.js'
import type { Kernel } from './kernel.js'

export const diagnosticsTarget = 'gradbook.diagnostics'

/** What a front end sends. `version` comes back with the answer. */
interface Question {
  method: 'diagnose'
  version: number
  cells: { id: string; text: string }[]
}

const isQuestion = (data: unknown): data is Question => {
  const { method, cells } = (data ?? {}) as Partial<Question>
  return (
    method === 'diagnose' &&
    Array.isArray(cells) &&
    cells.every((cell) => typeof cell?.id === 'string' && typeof cell.text === 'string')
  )
}

/** Answers without holding back what else the comm brings. */
export function onDiagnose(kernel: Kernel, message: Message, comm: CommMessage): void {
  const { data, id } = comm
  if (comm.kind !== 'message' || !isQuestion(data)) return
  const answer = (cells: object[]): void =>
    kernel.comms.send(message, {
      kind: 'message',
      id,
      data: { method: 'diagnostics', version: data.version, cells },
    })
  kernel.language
    .then((language) => language.diagnose(data.cells))
    .then(answer)
    .catch((error: unknown) => {
      kernel.log(`diagnostics failed: ${(error as Error)?.stack ?? error}`)
      // Front ends ask again only after an answer.
      answer([])
    })
}
