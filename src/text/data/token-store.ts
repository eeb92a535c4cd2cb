/** Some documents, as they are kept. */
export interface DocumentRecords {
  /** How many tokens each has. */
  tokens: Float64Array
  /** Two words each. */
  digests: Uint32Array
  /** The number of what each came from. */
  sources: Uint32Array
}

/** Tokens of documents, one behind the other, wherever they lie. */
export interface TokenStore {
  readonly name: string
  readonly tokens: number
  readonly documents: number
  /** The tokens from a place on, as many as there is room for. */
  read(from: number, into: Int32Array): void
  records(from: number, count: number): DocumentRecords
  /** What a source is called. */
  source(number: number): string
  /** The same for the same tokens in any process. */
  digest(): string
  /** Of the tokenizer that they were made with, where that is kept. */
  readonly tokenizerDigest?: string
}

/** What windows are taken of: tokens in a row, and where the document of each begins. */
export interface TokenStream {
  readonly length: number
  /**
   * @param into the tokens from `from` on.
   * @param begins as long as `into`: the place in it where the document of each token begins, 0 where that is before it.
   */
  read(from: number, into: Int32Array, begins?: Int32Array): void
}

/** Tokens in memory, of one document. */
export function memoryStream(tokens: Int32Array): TokenStream {
  return {
    length: tokens.length,
    read(from, into, begins) {
      into.set(tokens.subarray(from, from + into.length))
      begins?.fill(0)
    },
  }
}

/** A part of a store, its borders between documents left as they come: for one of a single document. */
export function partOf(store: TokenStore, from: number, to: number): TokenStream {
  return {
    length: to - from,
    read(at, into, begins) {
      store.read(from + at, into)
      begins?.fill(0)
    },
  }
}
