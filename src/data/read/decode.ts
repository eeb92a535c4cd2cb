import { describe, InputError } from '../../errors.js'
import { say } from '../../say.js'
import { bytesOf } from './bytes.js'

export interface TextOptions {
  /**
   * How letters are written as bytes: a label that TextDecoder knows. Default: UTF-8; where the file is not, what its first
   * bytes or its letters say, which is told. `encoding: 'windows-1252'`
   */
  encoding?: string
}

const marks: readonly { bytes: readonly number[]; encoding: string }[] = [
  { bytes: [0xef, 0xbb, 0xbf], encoding: 'utf-8' },
  { bytes: [0xff, 0xfe, 0, 0], encoding: 'utf-32le' },
  { bytes: [0, 0, 0xfe, 0xff], encoding: 'utf-32be' },
  { bytes: [0xff, 0xfe], encoding: 'utf-16le' },
  { bytes: [0xfe, 0xff], encoding: 'utf-16be' },
]

/** The text of a file, piece by piece. What is not in its encoding is an error that names the byte: no letter is replaced. */
export async function* textOf(path: string, options: TextOptions = {}): AsyncGenerator<string> {
  const decoder = new Decoder(path, options.encoding)
  for await (const bytes of atLeast(4, bytesOf(path))) yield decoder.take(bytes)
  yield decoder.end()
}

/** Decodes one file, and says where it finds out that it is written in another way than was thought. */
class Decoder {
  readonly #path: string
  readonly #given: string | undefined
  #encoding: string
  #decoder: TextDecoder
  /** Bytes and lines before this piece. */
  #before = 0
  #lines = 0
  /** Whether every byte so far but those that wait means the same letter in UTF-8 and in Windows-1252. */
  #plain = true
  /** How many of the last bytes wait for the rest of their letter. */
  #waiting = 0
  /** The last bytes of the piece before, where a letter may have begun. */
  #tail: Uint8Array = new Uint8Array(0)

  constructor(path: string, given: string | undefined) {
    this.#path = path
    this.#given = given
    this.#encoding = 'utf-8'
    this.#decoder = this.#open(given ?? 'utf-8')
  }

  #open(encoding: string): TextDecoder {
    try {
      const decoder = new TextDecoder(encoding, { fatal: true })
      this.#encoding = decoder.encoding
      return decoder
    } catch {
      throw new InputError({
        where: encoding === this.#given ? `${this.#path}, { encoding }` : this.#path,
        received: encoding === this.#given ? describe(encoding) : `text in ${encoding.toUpperCase()}`,
        expected: `an encoding that TextDecoder knows, e.g. 'utf-8', 'utf-16le', 'windows-1252', 'shift_jis'`,
        ...(encoding !== this.#given && { fix: 'Save the file as UTF-8.' }),
      })
    }
  }

  take(bytes: Uint8Array): string {
    if (this.#before === 0) this.#begin(bytes)
    let text: string
    try {
      text = this.#decoder.decode(bytes, { stream: true })
    } catch {
      text = this.#recover(bytes)
    }
    if (this.#encoding === 'utf-8') this.#lookAt(bytes, text)
    else if (this.#encoding === 'windows-1252') text = withQuotes(text)
    this.#before += bytes.length
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#lines++
    this.#tail = bytes.subarray(-4)
    return text
  }

  end(): string {
    try {
      return this.#decoder.decode()
    } catch {
      const rest = this.#tail.subarray(-Math.max(1, this.#waiting))
      const at = this.#before - rest.length
      if (this.#given === undefined && this.#encoding === 'utf-8' && this.#plain && isWestern(rest))
        return withQuotes(this.#switch(rest, at))
      throw this.#broken(at, rest[0] ?? 0, 0)
    }
  }

  /** Text is as long as its bytes where no letter has several: only that is read the same in another encoding. */
  #lookAt(bytes: Uint8Array, text: string): void {
    let high = 0
    while (high < 3 && high < bytes.length && bytes[bytes.length - 1 - high]! >= 0x80) high++
    const missing = bytes.length - text.length
    if (this.#waiting > 0 || (missing > 0 && missing !== high)) this.#plain = false
    this.#waiting = this.#plain ? missing : 0
  }

  /** The mark at the beginning of a file says what it is, whatever was thought; so do zeros in every second byte. */
  #begin(bytes: Uint8Array): void {
    const mark = marks.find(({ bytes: begin }) => begin.every((byte, i) => bytes[i] === byte))
    const found = mark?.encoding ?? (this.#given === undefined ? wide(bytes) : undefined)
    if (found === undefined || found === this.#encoding) return
    this.#decoder = this.#open(found)
    if (this.#given === undefined)
      say(
        `${this.#path} is read as ${found.toUpperCase()}, as ${mark ? 'its first bytes say' : 'every second byte of it is 0'}.`,
      )
  }

  /** UTF-8 that is none: Windows-1252 where everything speaks for it. */
  #recover(bytes: Uint8Array): string {
    const at = this.#firstBroken(bytes)
    // The letter may have begun in the piece before.
    const carried = Math.max(0, -at)
    const all = carried > 0 ? join(this.#tail.subarray(-carried), bytes) : bytes
    const isPlain = this.#plain && all.subarray(0, at + carried).every((byte) => byte < 0x80)
    if (
      this.#given === undefined &&
      this.#encoding === 'utf-8' &&
      isPlain &&
      isWestern(all.subarray(at + carried))
    )
      return this.#switch(all, this.#before + at)
    throw this.#broken(this.#before + at, all[at + carried]!, countLines(bytes.subarray(0, Math.max(0, at))))
  }

  #switch(bytes: Uint8Array, at: number): string {
    this.#decoder = this.#open('windows-1252')
    say(
      `${this.#path} is not UTF-8 (byte ${at}): it is read as Windows-1252, as Western European programs write it. If letters come out wrong, name its encoding: { encoding: 'windows-1250' }; { encoding: 'windows-1252' } leaves this out.`,
    )
    return this.#decoder.decode(bytes, { stream: true })
  }

  /** Where the first byte that does not fit is, from the beginning of this piece; below 0 in the one before. */
  #firstBroken(bytes: Uint8Array): number {
    // From the last letter that began before: in UTF-8 its first byte is none of 10xxxxxx.
    let back = 0
    if (this.#encoding === 'utf-8')
      for (let i = this.#tail.length - 1; i >= 0; i--)
        if (this.#tail[i]! >= 0xc0) {
          back = this.#tail.length - i
          break
        } else if (this.#tail[i]! < 0x80) break
    const all = back > 0 ? join(this.#tail.subarray(-back), bytes) : bytes
    const fits = (end: number) => {
      try {
        new TextDecoder(this.#encoding, { fatal: true }).decode(all.subarray(0, end), { stream: true })
        return true
      } catch {
        return false
      }
    }
    let low = 0
    let high = all.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (fits(middle)) low = middle
      else high = middle
    }
    // A letter that breaks off is found at the byte behind it.
    let at = high - 1
    if (this.#encoding === 'utf-8') {
      let start = at
      while (start > 0 && at - start < 3 && (all[start - 1]! & 0xc0) === 0x80) start--
      if (start > 0 && all[start - 1]! >= 0xc0 && !isWholeLetter(all, start - 1, at)) at = start - 1
    }
    return at - back
  }

  #broken(at: number, byte: number, lines: number): InputError {
    const hex = byte.toString(16).toUpperCase().padStart(2, '0')
    const name = this.#encoding.toUpperCase()
    return new InputError({
      where: `${this.#path}, line ${this.#lines + lines + 1}`,
      received: `the byte 0x${hex} at ${at}, which is no ${name} there`,
      expected: `text in ${name}`,
      fix:
        this.#given === undefined
          ? "Name the encoding it is written in, e.g. { encoding: 'windows-1252' }, 'windows-1251', 'shift_jis' or 'gb18030'."
          : 'Is it another encoding?',
    })
  }
}

/** Whether the letter that begins at `from` is whole before `to`. */
function isWholeLetter(bytes: Uint8Array, from: number, to: number): boolean {
  const first = bytes[from]!
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
  return to - from >= length
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

const countLines = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => sum + (byte === 10 ? 1 : 0), 0)

/** UTF-16 without a mark: of text that is mostly Latin letters every second byte is 0. */
function wide(bytes: Uint8Array): string | undefined {
  const looked = bytes.subarray(0, 4096)
  let even = 0
  let odd = 0
  for (let i = 0; i < looked.length; i++)
    if (looked[i] === 0) {
      if (i % 2) odd++
      else even++
    }
  const many = looked.length * 0.2
  return odd > many && even < odd / 10 ? 'utf-16le' : even > many && odd < even / 10 ? 'utf-16be' : undefined
}

/** What the bytes 0x80 to 0x9F are in Windows-1252: some versions of Node read them as Latin-1 has them, which is nothing. */
const quotes = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'

const withQuotes = (text: string): string =>
  text.replace(/[\x80-\x9f]/g, (letter) => quotes[letter.charCodeAt(0) - 0x80]!)

/** Bytes that are no letter in Windows-1252. */
const unused = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d])

/**
 * Whether bytes that are no UTF-8 read as Windows-1252: letters with marks stand among plain ones there, while in Cyrillic,
 * Greek or Asian encodings whole words are of such bytes; and none of them are letters of UTF-8, as in a file that is damaged.
 */
function isWestern(bytes: Uint8Array): boolean {
  let inRuns = 0
  let alone = 0
  let run = 0
  for (let i = 0; i <= bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (byte >= 0x80) {
      if (unused.has(byte)) return false
      run++
      continue
    }
    if (run > 0 && isLetters(bytes.subarray(i - run, i))) return false
    if (run > 2) inRuns += run
    else alone += run
    run = 0
  }
  return alone >= inRuns
}

/** Whether these bytes are letters of UTF-8. */
function isLetters(bytes: Uint8Array): boolean {
  if (bytes.length < 2) return false
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

/** The same bytes, the first piece with as many as tell what a file is. */
async function* atLeast(count: number, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let first: Uint8Array | undefined = new Uint8Array(0)
  for await (const piece of pieces) {
    if (!first) {
      yield piece
      continue
    }
    first = join(first, piece)
    if (first.length < count) continue
    yield first
    first = undefined
  }
  if (first?.length) yield first
}
