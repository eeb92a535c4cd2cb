import { describe, InputError } from '../../errors.js'
import type { TokenStore, TokenStream } from './token-store.js'

/** Documents of one page: where their tokens begin is worked out when somebody looks. */
const perPage = 1024
/** Pages that are kept, a few kilobytes each. */
const mostPages = 256

export type Part = 'train' | 'validation'

/**
 * Each document on one side, by its own digest and the seed: the same document (also when it comes twice) is on the same side
 * whatever else there is. In memory is a sum for each thousand documents.
 */
export class DocumentSplit {
  readonly #store: TokenStore
  readonly #isTrain: (a: number, b: number) => boolean
  /** Tokens before each page, of each part. */
  readonly #before: { train: Float64Array; validation: Float64Array }
  readonly documents = { train: 0, validation: 0 }
  readonly tokens = { train: 0, validation: 0 }
  readonly #pages = new Map<number, Page>()

  constructor(store: TokenStore, share: number, seed: number) {
    this.#store = store
    this.#isTrain = chooser(share, seed)
    const pages = Math.ceil(store.documents / perPage)
    this.#before = { train: new Float64Array(pages + 1), validation: new Float64Array(pages + 1) }
    for (let page = 0; page < pages; page++) {
      const { tokens, digests } = this.#recordsOf(page)
      for (let i = 0; i < tokens.length; i++) {
        const part = this.#isTrain(digests[2 * i]!, digests[2 * i + 1]!) ? 'train' : 'validation'
        this.tokens[part] += tokens[i]!
        this.documents[part]++
      }
      this.#before.train[page + 1] = this.tokens.train
      this.#before.validation[page + 1] = this.tokens.validation
    }
    const all = this.tokens.train + this.tokens.validation
    if (all !== store.tokens)
      throw new InputError({
        where: store.name,
        received: `${all} tokens in its documents`,
        expected: `${store.tokens}, as there are`,
        fix: 'The records of its documents may be damaged: make the tokens anew.',
      })
  }

  /** How many pages its documents are on. */
  get pages(): number {
    return this.#before.train.length - 1
  }

  /** The documents of one part that are on a page. */
  documentsOf(part: Part, page: number): Documents {
    return this.#pageAt(page)[part]
  }

  #recordsOf(page: number) {
    return this.#store.records(page * perPage, Math.min(perPage, this.#store.documents - page * perPage))
  }

  /** The documents of one part, one behind the other. */
  stream(part: Part): TokenStream {
    return {
      length: this.tokens[part],
      read: (from, into, begins) => {
        let { page, at } = this.#find(part, from)
        for (let done = 0; done < into.length;) {
          const documents = this.#pageAt(page)[part]
          if (at === documents.count) {
            page++
            at = 0
            continue
          }
          // Documents that lie behind each other in the store too are read at once.
          const start = from + done - documents.first[at]!
          let last = at
          while (
            last + 1 < documents.count &&
            documents.place[last + 1] === documents.place[last]! + documents.tokens[last]! &&
            documents.first[last + 1]! < from + into.length
          )
            last++
          const end = Math.min(from + into.length, documents.first[last]! + documents.tokens[last]!)
          this.#store.read(documents.place[at]! + start, into.subarray(done, end - from))
          if (begins)
            for (let one = at; one <= last; one++) {
              const begin = Math.max(0, documents.first[one]! - from)
              begins.fill(
                begin,
                Math.max(done, begin),
                Math.min(end, documents.first[one]! + documents.tokens[one]!) - from,
              )
            }
          done = end - from
          at = last + 1
        }
      },
    }
  }

  /** The source of the document that a token of a part is in. */
  sourceAt(part: Part, place: number): string {
    const { page, at } = this.#find(part, place)
    return this.#store.source(this.#pageAt(page)[part].source[at]!)
  }

  #find(part: Part, place: number): { page: number; at: number } {
    if (!(place >= 0 && place < this.tokens[part]))
      throw new InputError({
        where: this.#store.name,
        received: `the token ${describe(place)} of ${part}`,
        expected: `a whole number from 0 to ${this.tokens[part] - 1}`,
      })
    const page = lastAtMost(this.#before[part], place, this.#before[part].length)
    const { first, count } = this.#pageAt(page)[part]
    return { page, at: lastAtMost(first, place, count) }
  }

  #pageAt(number: number): Page {
    let page = this.#pages.get(number)
    if (page) this.#pages.delete(number)
    else page = this.#layOut(number)
    this.#pages.set(number, page)
    if (this.#pages.size > mostPages) this.#pages.delete(this.#pages.keys().next().value!)
    return page
  }

  #layOut(number: number): Page {
    const { tokens, digests, sources } = this.#recordsOf(number)
    const page: Page = { train: emptyPage(tokens.length), validation: emptyPage(tokens.length) }
    const next = { train: this.#before.train[number]!, validation: this.#before.validation[number]! }
    let place = next.train + next.validation
    for (let i = 0; i < tokens.length; i++) {
      const part = this.#isTrain(digests[2 * i]!, digests[2 * i + 1]!) ? 'train' : 'validation'
      const documents = page[part]
      const at = documents.count++
      documents.first[at] = next[part]
      documents.place[at] = place
      documents.tokens[at] = tokens[i]!
      documents.source[at] = sources[i]!
      next[part] += tokens[i]!
      place += tokens[i]!
    }
    return page
  }
}

export interface Documents {
  count: number
  /** The place of each one's first token in its part, and in the store. */
  first: Float64Array
  place: Float64Array
  tokens: Float64Array
  source: Uint32Array
}

type Page = { readonly [part in Part]: Documents }

const emptyPage = (length: number): Documents => ({
  count: 0,
  first: new Float64Array(length),
  place: new Float64Array(length),
  tokens: new Float64Array(length),
  source: new Uint32Array(length),
})

/** The last of the first `count` values, in order, that is at most `value`. */
function lastAtMost(values: Float64Array, value: number, count: number): number {
  let low = 0
  let high = count - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (values[middle]! <= value) low = middle
    else high = middle - 1
  }
  return low
}

/** Whether a document with this digest is trained on: the finalizer of MurmurHash3 (Austin Appleby) over both words. */
function chooser(share: number, seed: number): (a: number, b: number) => boolean {
  const [low, high] = new Int32Array(new Float64Array([seed]).buffer)
  const below = share * 2 ** 32
  const mix = (word: number) => {
    let mixed = word ^ (word >>> 16)
    mixed = Math.imul(mixed, 0x85ebca6b)
    mixed ^= mixed >>> 13
    mixed = Math.imul(mixed, 0xc2b2ae35)
    return mixed ^ (mixed >>> 16)
  }
  return (a, b) => mix(mix(mix(mix(a ^ low!) + b) ^ high!) + 0x9e3779b9) >>> 0 < below
}
