/** What children and native code wrote to descriptors 1 and 2, as text of a stream. */
import { readSync } from 'node:fs'
import { Socket } from 'node:net'
import { StringDecoder } from 'node:string_decoder'
import type { Descriptors } from '../descriptors.js'

export interface WrittenBeside {
  /** Takes in what was written by now. */
  drain(): void
}

type OnText = (stream: 'stdout' | 'stderr', text: string) => void

/** @param onReadable called before text that came by itself is given to `onText`; what it returns, after. */
export function readDescriptors(
  descriptors: Descriptors | undefined,
  onReadable: () => (() => void) | undefined,
  onText: OnText,
): WrittenBeside {
  if (!descriptors) return { drain() {} }
  const buffer = Buffer.allocUnsafe(1 << 16)
  const sources = (['stdout', 'stderr'] as const).map((stream) => {
    const descriptor = descriptors[stream]
    const decoder = new StringDecoder()
    const take = (chunk: Buffer): void => {
      const text = decoder.write(chunk)
      if (text !== '') onText(stream, text)
    }
    // Read as it comes, so that nobody who writes has to wait for the cell to end.
    const socket = new Socket({ fd: descriptor, readable: true, writable: false })
    socket.on('data', (chunk: Buffer) => {
      const after = onReadable()
      take(chunk)
      after?.()
    })
    socket.on('error', () => {})
    socket.unref()
    return { descriptor, take }
  })
  return {
    drain() {
      for (const { descriptor, take } of sources)
        for (;;) {
          let length: number
          try {
            length = readSync(descriptor, buffer)
          } catch {
            break // EAGAIN: nothing more by now
          }
          if (length === 0) break
          take(buffer.subarray(0, length))
        }
    },
  }
}
