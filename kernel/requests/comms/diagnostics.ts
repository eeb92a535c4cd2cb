/**
 * Type errors while typing: a comm whose other end is this thread, so that it is answered while a cell runs. A front end
 * sends the notebook's cells as they stand, and gets the problems of each.
 */
import type { CommMessage } from '../../port.js'
import type { Language } from '../../language/types.js'
import type { Comms } from './comms.js'

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

interface Uses {
  comms: Comms
  language: Promise<Language>
  log(line: string): void
}

/** Answers without holding back what else the comm brings. */
export function serveDiagnostics({ comms, language, log }: Uses): void {
  comms.serve('gradbook.diagnostics', (message, comm: CommMessage) => {
    const { data, id } = comm
    if (comm.kind !== 'message' || !isQuestion(data)) return
    const answer = (cells: object[]): void =>
      comms.send(message, {
        kind: 'message',
        id,
        data: { method: 'diagnostics', version: data.version, cells },
      })
    language
      .then((found) => found.diagnose(data.cells))
      .then(answer)
      .catch((error: unknown) => {
        log(`diagnostics failed: ${(error as Error)?.stack ?? error}`)
        // Front ends ask again only after an answer.
        answer([])
      })
  })
}
