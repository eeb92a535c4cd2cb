/** One line of a stack trace. */
export interface Frame {
  /** `f`, `Foo.bar`, `async f`; empty at the top level of a cell. */
  name: string
  /** A path, or what cells are called (`gradbook:cell-3.ts`). */
  file: string
  /** Both count from 1. */
  line: number
  column: number
}

const withName = /^\s*at (.*?) \((.*):(\d+):(\d+)\)$/
const withoutName = /^\s*at (async )?(.*):(\d+):(\d+)$/

export function readFrame(text: string): Frame | undefined {
  const named = withName.exec(text)
  if (named)
    return {
      name: plainName(named[1]!),
      file: plainFile(named[2]!),
      line: Number(named[3]),
      column: Number(named[4]),
    }
  const bare = withoutName.exec(text)
  if (bare)
    return {
      name: bare[1]?.trim() ?? '',
      file: plainFile(bare[2]!),
      line: Number(bare[3]),
      column: Number(bare[4]),
    }
  return undefined
}

/** V8 guesses a name where there is none: by what it was assigned to in the compiled program. */
const plainName = (name: string): string => name.replaceAll(/(?<![\p{L}\p{N}_$])__+scope\./gu, '')

function plainFile(file: string): string {
  if (!file.startsWith('file:')) return file
  try {
    const { pathname } = new URL(file)
    return decodeURIComponent(process.platform === 'win32' ? pathname.slice(1) : pathname)
  } catch {
    return file
  }
}

/** The frames of an error's stack, innermost first. */
export function readFrames(stack: string): Frame[] {
  return stack
    .split('\n')
    .map(readFrame)
    .filter((frame) => frame !== undefined)
}
