import { InputError } from '../../errors.js'

/** Bytes of rows that are kept in memory, over each file. */
const kept = 64 << 20
/** Blocks that are read at once for the next batch. */
const mostUnderWay = 1024

/** Bytes that are appended, then read anywhere. */
export interface Rows {
  readonly size: number
  append(bytes: Uint8Array): void
  read(at: number, length: number): Uint8Array
  /** A copy of many bytes, past what is kept of those read last. */
  piece(at: number, length: number): Uint8Array
  prefetch?(at: number, length: number): void
}

/** Rows in memory, in the pieces in which they came; all but the last are of one size. */
export class MemoryRows implements Rows {
  size = 0
  readonly pieces: Uint8Array[] = []

  append(bytes: Uint8Array): void {
    this.pieces.push(bytes)
    this.size += bytes.length
  }

  read(at: number, length: number): Uint8Array {
    const each = this.pieces[0]!.length
    const piece = Math.floor(at / each)
    return this.pieces[piece]!.subarray(at - piece * each, at - piece * each + length)
  }

  piece(at: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    const each = this.pieces[0]!.length
    for (let done = 0; done < length;) {
      const piece = Math.floor((at + done) / each)
      const from = at + done - piece * each
      const part = this.pieces[piece]!.subarray(from, from + length - done)
      bytes.set(part, done)
      done += part.length
    }
    return bytes
  }
}

function orSay<T>(place: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw new InputError(
      {
        where: 'rows on disk',
        received: `${place}, which cannot be written (${(error as Error).message})`,
        expected: 'a folder for temporary files with room for all rows',
        fix: `Name another: spool(records, { folder: 'a/large/folder' }), or the environment variable TMPDIR before the start.`,
      },
      { cause: error },
    )
  }
}

/** A temporary file that is appended to, then read anywhere, through the blocks read last. */
export class RowFile implements Rows {
  // Large enough to read on within a window, small enough for rows drawn from anywhere (1 << 18: six times as long).
  static readonly #block = 1 << 14
  size = 0
  readonly #fs: typeof import('node:fs')
  readonly #handle: number
  readonly #place: string
  /** Oldest first: a Map keeps the order in which its keys came. */
  readonly #blocks = new Map<number, Uint8Array>()
  /** Blocks that are being read for the next batch. */
  readonly #underWay = new Set<number>()

  private constructor(fs: typeof import('node:fs'), handle: number, place: string) {
    this.#fs = fs
    this.#place = place
    this.#handle = handle
    registry.register(this, { fs, handle })
  }

  static async create(folder?: string): Promise<RowFile> {
    const [fs, os, path] = await Promise.all([import('node:fs'), import('node:os'), import('node:path')])
    const place = folder ?? os.tmpdir()
    const { own, handle } = orSay(place, () => {
      const made = fs.mkdtempSync(path.join(place, 'gradbook-'))
      return { own: made, handle: fs.openSync(path.join(made, 'rows'), 'w+') }
    })
    // Without a name it ends with the process, however that ends. Windows keeps it until it is closed.
    try {
      fs.rmSync(own, { recursive: true })
    } catch {
      process.once('exit', () => fs.rmSync(own, { recursive: true, force: true }))
    }
    return new RowFile(fs, handle, place)
  }

  append(bytes: Uint8Array): void {
    orSay(this.#place, () => {
      // What is nearly full takes a part, and says so only the next time.
      for (let done = 0; done < bytes.length;)
        done += this.#fs.writeSync(this.#handle, bytes, done, bytes.length - done, this.size + done)
    })
    this.size += bytes.length
  }

  read(at: number, length: number): Uint8Array {
    const first = Math.floor(at / RowFile.#block)
    const from = at - first * RowFile.#block
    if (from + length <= RowFile.#block) return this.#blockAt(first).subarray(from, from + length)
    const bytes = new Uint8Array(length)
    this.#fs.readSync(this.#handle, bytes, 0, length, at)
    return bytes
  }

  piece(at: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    this.#fs.readSync(this.#handle, bytes, 0, length, at)
    return bytes
  }

  /**
   * Reads it beside what the main thread does. Where that leaves the event loop no turn to take the blocks in, they lie in the
   * system's memory all the same.
   */
  prefetch(at: number, length: number): void {
    const last = Math.floor((at + length - 1) / RowFile.#block)
    for (let number = Math.floor(at / RowFile.#block); number <= last; number++) {
      if (this.#blocks.has(number) || this.#underWay.has(number) || this.#underWay.size >= mostUnderWay)
        continue
      this.#underWay.add(number)
      const block = new Uint8Array(RowFile.#block)
      this.#fs.read(this.#handle, block, 0, block.length, number * RowFile.#block, (error) => {
        this.#underWay.delete(number)
        // What cannot be read is said where it is needed.
        if (!error && !this.#blocks.has(number)) this.#keep(number, block)
      })
    }
  }

  #blockAt(number: number): Uint8Array {
    let block = this.#blocks.get(number)
    if (block) this.#blocks.delete(number)
    else {
      block = new Uint8Array(RowFile.#block)
      this.#fs.readSync(this.#handle, block, 0, block.length, number * RowFile.#block)
    }
    this.#keep(number, block)
    return block
  }

  #keep(number: number, block: Uint8Array): void {
    if (this.#blocks.size * RowFile.#block >= kept) this.#blocks.delete(this.#blocks.keys().next().value!)
    this.#blocks.set(number, block)
  }
}

const registry = new FinalizationRegistry<{ fs: typeof import('node:fs'); handle: number }>(
  ({ fs, handle }) => {
    fs.closeSync(handle)
  },
)
