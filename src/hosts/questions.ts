/** Questions on a terminal. Where nobody sits at it (a pipe, a test) there is no answer. */

/** Waits for a line without holding the thread; a password is not echoed. */
export async function askTerminal(question: string, options: { password?: boolean } = {}): Promise<string> {
  const { createInterface } = process.getBuiltinModule('node:readline')
  const { Writable } = process.getBuiltinModule('node:stream')
  let quiet = false
  const output = new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      if (!quiet) process.stderr.write(chunk)
      done()
    },
  })
  const lines = createInterface({ input: process.stdin, output, terminal: process.stdin.isTTY })
  try {
    return await new Promise<string>((resolve) => {
      lines.once('close', () => resolve(''))
      lines.question(`${question} `, resolve)
      quiet = options.password === true
    })
  } finally {
    if (quiet) process.stderr.write('\n')
    lines.close()
  }
}

/** As a browser's `prompt`: holds the thread until a line is there. `null` without a terminal. */
export function promptTerminal(question = '', initial = ''): string | null {
  if (!process.stdin.isTTY) return null
  process.stderr.write(initial ? `${question} [${initial}] ` : `${question} `)
  return readLine() || initial
}

export function confirmTerminal(question = ''): boolean {
  return /^y(es)?$/i.test((promptTerminal(`${question} [y/N]`) ?? '').trim())
}

function readLine(): string {
  const { readSync } = process.getBuiltinModule('node:fs')
  const bytes: number[] = []
  const one = new Uint8Array(1)
  for (;;) {
    try {
      if (readSync(0, one) === 0 || one[0] === 10) break
      bytes.push(one[0]!)
    } catch (error) {
      // A terminal in non-blocking mode has nothing yet.
      if ((error as { code?: string }).code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
  return new TextDecoder().decode(Uint8Array.from(bytes)).replace(/\r$/, '')
}
