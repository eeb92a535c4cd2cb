/**
 * A 64-bit digest of numbers and text, the same in every process and on every machine; not for secrets.
 *
 * Two lanes of the finalising steps of MurmurHash3 (Austin Appleby) over 32-bit words: 6 million values take about
 * 30 ms in plain JavaScript, where Node's own hash would have kept datasets out of a browser.
 */
export class Digest {
  #a = 0x2545f491 | 0
  #b = 0x9e3779b9 | 0

  word(value: number): this {
    this.#a = Math.imul(this.#a ^ value, 0x85ebca6b)
    this.#a ^= this.#a >>> 15
    this.#b = Math.imul(((this.#b << 13) | (this.#b >>> 19)) ^ value, 0xc2b2ae35)
    this.#b ^= this.#b >>> 16
    return this
  }

  text(value: string): this {
    for (let i = 0; i < value.length; i++) this.word(value.charCodeAt(i))
    return this.word(-1 - value.length)
  }

  /** Begins anew, with what tells this one from others. */
  begin(one: number, other: number): void {
    this.#a = 0x2545f491 | 0
    this.#b = 0x9e3779b9 | 0
    this.word(one).word(other)
  }

  /** Values as float32 bits, so that bytes, floats and integers that hold the same numbers agree. */
  numbers(values: ArrayLike<number>): this {
    const floats = values instanceof Float32Array ? values : Float32Array.from(values)
    return this.range(floats, 0, floats.length)
  }

  /** Some of the values. */
  range(floats: Float32Array, from: number, count: number): this {
    const words = wordsOf(floats)
    // The two lanes of word(), in local variables: 4 times quicker than going through the fields.
    let a = this.#a
    let b = this.#b
    for (let i = from; i < from + count; i++) {
      const value = words[i]!
      a = Math.imul(a ^ value, 0x85ebca6b)
      a ^= a >>> 15
      b = Math.imul(((b << 13) | (b >>> 19)) ^ value, 0xc2b2ae35)
      b ^= b >>> 16
    }
    this.#a = a
    this.#b = b
    return this
  }

  get first(): number {
    return Math.imul(this.#a ^ (this.#a >>> 16), 0x7feb352d)
  }

  get second(): number {
    return Math.imul(this.#b ^ (this.#b >>> 15), 0x846ca68b)
  }

  /** Sixteen hexadecimal digits. */
  end(): string {
    const hex = (word: number) => (word >>> 0).toString(16).padStart(8, '0')
    return hex(this.#a) + hex(this.#b)
  }
}

let looked: { floats: Float32Array; words: Int32Array } | undefined

/** The bits of floats; the same array is looked at many times in a row. */
function wordsOf(floats: Float32Array): Int32Array {
  if (looked?.floats !== floats)
    looked = { floats, words: new Int32Array(floats.buffer, floats.byteOffset, floats.length) }
  return looked.words
}
