import { Digest } from '../../data/table/digest.js'

/** The digest of a document's text, however many pieces it comes in: two words of 32 bits. */
export class DocumentDigest {
  readonly #digest = new Digest()
  #length = 0

  add(text: string): void {
    for (let i = 0; i < text.length; i++) this.#digest.word(text.charCodeAt(i))
    this.#length += text.length
  }

  /** Of what has come so far, as sixteen hexadecimal digits. */
  sofar(): string {
    return this.#digest.end()
  }

  end(): string {
    return this.#digest.word(this.#length).end()
  }
}

/** The two words of a digest. */
export const twoWords = (digest: string): [number, number] => [
  parseInt(digest.slice(0, 8), 16),
  parseInt(digest.slice(8), 16),
]
