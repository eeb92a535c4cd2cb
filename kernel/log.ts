/** What the protocol thread says to nobody's cell: lines of the log, and to the keeper (descriptors.ts). */
import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import type { ProtocolData } from './port.js'

const { descriptors } = workerData as ProtocolData

/** A line for the keeper. */
export function keep(line: string): void {
  if (descriptors) writeSync(descriptors.keeper, `${line}\n`)
}

export function log(line: string): void {
  try {
    const lines = `[gradbook] ${line}`.split('\n')
    if (descriptors) for (const text of lines) keep(`log ${text}`)
    else writeSync(2, `${lines.join('\n')}\n`)
  } catch {
    // nobody reads the log
  }
}
process.on('uncaughtException', (error) => log(`in the protocol thread: ${error?.stack ?? error}`))
process.on('unhandledRejection', (error) =>
  log(`in the protocol thread: ${(error as Error)?.stack ?? error}`),
)
