import type { DocumentSplit, Part } from './document-split.js'
import { packWhole, type PackedRow } from './pack.js'
import type { RowLayout } from './row-layout.js'
import type { TokenStore } from './token-store.js'

/** Rows that are packed at once have room for at least so many: the last of them is seldom full. */
const rowsAtOnce = 64
/** Packed groups of documents that are kept. */
const mostGroups = 64

interface Group {
  rows: PackedRow[]
  /** Where each document begins in the store. */
  places: readonly number[]
}

/**
 * Documents whole in rows of a context, what is longer cut at the context alone. Packed are some thousand documents at a time, when
 * somebody looks: in memory is a sum for each group of them.
 *
 * A document of n tokens takes n - 1 places: its last token is learned, and nothing is learned from it.
 */
export class WholeRows implements RowLayout {
  readonly length: number
  readonly #store: TokenStore
  readonly #split: DocumentSplit
  readonly #part: Part
  readonly #context: number
  /** The first page of each group, and the rows before it. */
  readonly #pages: number[] = [0]
  readonly #before: number[] = [0]
  readonly #groups = new Map<number, Group>()

  constructor(store: TokenStore, split: DocumentSplit, part: Part, context: number) {
    this.#store = store
    this.#split = split
    this.#part = part
    this.#context = context
    let tokens = 0
    for (let page = 0; page < split.pages; page++) {
      const documents = split.documentsOf(part, page)
      for (let i = 0; i < documents.count; i++) tokens += documents.tokens[i]!
      if (tokens < rowsAtOnce * context && page < split.pages - 1) continue
      this.#pages.push(page + 1)
      this.#before.push(this.#before.at(-1)! + this.#groupAt(this.#pages.length - 2).rows.length)
      tokens = 0
    }
    this.length = this.#before.at(-1)!
  }

  read(position: number, x: Int32Array, y: Int32Array, begins?: Int32Array): void {
    const group = this.#groupOf(position)
    const { rows, places } = this.#groupAt(group)
    let end = 0
    for (const { item, from, length, at } of rows[position - this.#before[group]!]!) {
      const tokens = new Int32Array(length + 1)
      this.#store.read(places[item]! + from, tokens)
      x.set(tokens.subarray(0, length), at)
      y.set(tokens.subarray(1), at)
      end = at + length
      begins?.fill(at, at, end)
    }
    // What is left of the row is nobody's: each place looks at itself alone.
    x.fill(0, end)
    y.fill(-1, end)
    if (begins) for (let at = end; at < begins.length; at++) begins[at] = at
  }

  #groupOf(position: number): number {
    let [low, high] = [0, this.#before.length - 2]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#before[middle]! <= position) low = middle
      else high = middle - 1
    }
    return low
  }

  #groupAt(number: number): Group {
    let group = this.#groups.get(number)
    if (group) this.#groups.delete(number)
    else group = this.#packed(this.#pages[number]!, this.#pages[number + 1]!)
    this.#groups.set(number, group)
    if (this.#groups.size > mostGroups) this.#groups.delete(this.#groups.keys().next().value!)
    return group
  }

  #packed(from: number, to: number): Group {
    const places: number[] = []
    const lengths: number[] = []
    for (let page = from; page < to; page++) {
      const documents = this.#split.documentsOf(this.#part, page)
      for (let i = 0; i < documents.count; i++) {
        places.push(documents.place[i]!)
        lengths.push(documents.tokens[i]! - 1)
      }
    }
    return { rows: packWhole(lengths, this.#context), places }
  }
}
