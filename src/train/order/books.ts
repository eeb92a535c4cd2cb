/** Examples from which nothing is written or ordered that has an entry for each of them. */
export const manyExamples = 1 << 20

/** Examples of one page. */
const perPage = 128
/** Three numbers an example: the loss's sum (as bits of a float32), how often it is in there, the iteration last drawn in. */
const perExample = 3

type Page = Uint32Array
/** By their number: those that were ever written. */
export type Pages = ReadonlyMap<number, Page>

/**
 * Books as they stood, never changed any more: what was written since the state before them, down to one that has whole pages.
 * So a point of undo holds what its iterations drew.
 */
export interface BooksState {
  readonly length: number
  readonly whole: { readonly pages: Pages }
  /** Examples written since the whole pages. */
  readonly since: number
  /** What was written after `before`; missing where the pages are all there is. */
  readonly change?: {
    readonly before: BooksState
    readonly positions: Int32Array
    readonly values: Uint32Array
  }
}

const bits = new Uint32Array(1)
const float = new Float32Array(bits.buffer)

const wholeState = (length: number, pages: Pages): BooksState => ({ length, whole: { pages }, since: 0 })

/**
 * What is written down of each training example when it is drawn: the losses it had then, and when that was. Kept by pages that
 * are made when they are first written: a run on a billion examples costs what it draws.
 */
export class Books {
  readonly length: number
  #writing: Writing = { pages: new Map(), own: new Set() }
  /** The state that was taken last, and what was written since. */
  #last: BooksState
  #written: Int32Array<ArrayBufferLike> = new Int32Array(256)
  #count = 0

  constructor(length: number) {
    this.length = length
    this.#last = wholeState(length, new Map())
  }

  /** The example is drawn in this iteration, with this loss where there is one for each. */
  draw(position: number, iteration: number, loss?: number): void {
    const page = pageFor(this.#writing, position)
    const at = (position % perPage) * perExample
    page[at + 2] = iteration
    if (loss !== undefined) {
      bits[0] = page[at]!
      float[0]! += loss
      page[at] = bits[0]!
      page[at + 1]!++
    }
    this.#note(position)
  }

  /** Beyond what a whole state would take it is enough to know that there is more. */
  #note(position: number): void {
    if (this.#count > this.#most) return
    if (this.#count === this.#written.length) {
      const more = new Int32Array(2 * this.#count)
      more.set(this.#written)
      this.#written = more
    }
    this.#written[this.#count++] = position
  }

  /** How many examples states may have written since the last whole one: to go back to any is to write them again. */
  get #most(): number {
    return Math.max(256, this.length >>> 1)
  }

  /** Sum of the losses that the example had when it was drawn, rounded to float32 as it was added up. */
  lossSum(position: number): number {
    bits[0] = this.#read(position, 0)
    return float[0]!
  }

  /** How many they are. */
  lossCount(position: number): number {
    return this.#read(position, 1)
  }

  /** The iteration in which it was last drawn; 0 before. */
  drawn(position: number): number {
    return this.#read(position, 2)
  }

  #read(position: number, what: number): number {
    const page = this.#writing.pages.get(Math.floor(position / perPage))
    return page ? page[(position % perPage) * perExample + what]! : 0
  }

  state(): BooksState {
    if (this.#count === 0) return this.#last
    const before = this.#last
    const since = before.since + this.#count
    if (since > this.#most) {
      this.#writing.own.clear()
      this.#last = wholeState(this.length, new Map(this.#writing.pages))
    } else {
      const positions = this.#written.slice(0, this.#count)
      const values = new Uint32Array(positions.length * perExample)
      for (let i = 0; i < positions.length; i++)
        for (let j = 0; j < perExample; j++) values[i * perExample + j] = this.#read(positions[i]!, j)
      this.#last = { length: this.length, whole: before.whole, since, change: { before, positions, values } }
    }
    this.#count = 0
    return this.#last
  }

  /** What was written since both states parted is taken back, then what the other one wrote is written; the rest stays. */
  restore(state: BooksState): void {
    const from = this.#count > this.#most ? undefined : this.#parting(state)
    if (!from) {
      this.#writing = laidOut(state)
    } else {
      const back = new Set<number>(this.#written.subarray(0, this.#count))
      for (const { positions } of changesBetween(from, this.#last)) for (const one of positions) back.add(one)
      this.#takeBack(back, from)
      for (const change of changesBetween(from, state)) write(this.#writing, change)
    }
    this.#last = state
    this.#count = 0
  }

  /** The newest state that both come from. */
  #parting(state: BooksState): BooksState | undefined {
    if (state.whole !== this.#last.whole) return undefined
    const before = new Set<BooksState>()
    for (let at: BooksState | undefined = this.#last; at; at = at.change?.before) before.add(at)
    let at: BooksState | undefined = state
    while (at && !before.has(at)) at = at.change?.before
    return at
  }

  /** Gives these examples what they had in a state. */
  #takeBack(positions: Set<number>, state: BooksState): void {
    for (let at = state; at.change && positions.size > 0; at = at.change.before) {
      const { positions: own, values } = at.change
      // An example that was drawn twice has the same values at both places.
      for (let i = 0; i < own.length; i++)
        if (positions.delete(own[i]!)) writeOne(this.#writing, own[i]!, values, i * perExample)
    }
    for (const position of positions) {
      const page = state.whole.pages.get(Math.floor(position / perPage))
      writeOne(this.#writing, position, page ?? nothing, page ? (position % perPage) * perExample : 0)
    }
  }

  /** As three vectors with a number for each example. */
  vectors(): ReturnType<typeof vectorsOf> {
    return vectorsOf(this.length, this.#writing.pages)
  }

  /** The pages of a state, to be read. */
  pagesOf(state: BooksState): Pages {
    return state === this.#last && this.#count === 0 ? this.#writing.pages : laidOut(state).pages
  }
}

/** Pages that are written, and which of them may be written as they are. */
interface Writing {
  readonly pages: Map<number, Page>
  readonly own: Set<number>
}

function pageFor({ pages, own }: Writing, position: number): Page {
  const number = Math.floor(position / perPage)
  const page = pages.get(number)
  if (page && own.has(number)) return page
  const fresh = page ? page.slice() : new Uint32Array(perPage * perExample)
  pages.set(number, fresh)
  own.add(number)
  return fresh
}

/** The whole pages with all changes up to the state. */
function laidOut(state: BooksState): Writing {
  const writing = { pages: new Map(state.whole.pages), own: new Set<number>() }
  for (const change of changesBetween(undefined, state)) write(writing, change)
  return writing
}

type Change = NonNullable<BooksState['change']>

function write(writing: Writing, { positions, values }: Change): void {
  for (let i = 0; i < positions.length; i++) writeOne(writing, positions[i]!, values, i * perExample)
}

function writeOne(writing: Writing, position: number, from: Uint32Array, at: number): void {
  const page = pageFor(writing, position)
  const to = (position % perPage) * perExample
  for (let j = 0; j < perExample; j++) page[to + j] = from[at + j]!
}

const nothing = new Uint32Array(perExample)

/** The changes after one state, or after the whole pages, up to another that came from it, in their order. */
function changesBetween(from: BooksState | undefined, to: BooksState): Change[] {
  const changes: Change[] = []
  for (let at = to; at !== from && at.change; at = at.change.before) changes.push(at.change)
  return changes.reverse()
}

/** Bytes that a state holds beside another that stands before it. */
export function bytesOfBooks({ whole, since }: BooksState, beside?: BooksState): number {
  const perChange = 4 * (1 + perExample)
  if (whole === beside?.whole) return perChange * Math.max(0, since - beside.since)
  let count = 0
  for (const [number, page] of whole.pages) if (page !== beside?.whole.pages.get(number)) count++
  return 4 * perPage * perExample * count + 16 * whole.pages.size + perChange * since
}

/** What was ever written, example by example, for a file. */
export function writtenExamples(pages: Pages): {
  positions: Int32Array
  values: Uint32Array
} {
  const found: number[] = []
  for (const number of [...pages.keys()].toSorted((a, b) => a - b)) {
    const page = pages.get(number)!
    for (let i = 0; i < perPage; i++) if (page[i * perExample + 2]) found.push(number * perPage + i)
  }
  const positions = Int32Array.from(found)
  const values = new Uint32Array(positions.length * perExample)
  for (let i = 0; i < positions.length; i++) {
    const at = (positions[i]! % perPage) * perExample
    const page = pages.get(Math.floor(positions[i]! / perPage))!
    values.set(page.subarray(at, at + perExample), i * perExample)
  }
  return { positions, values }
}

/** Undefined where the vectors do not fit each other, or the length. */
export function booksFromExamples(
  length: number,
  { positions, values }: { positions: Int32Array; values: Uint32Array },
): BooksState | undefined {
  if (values.length !== positions.length * perExample) return undefined
  const writing: Writing = { pages: new Map(), own: new Set() }
  for (let i = 0; i < positions.length; i++) {
    const position = positions[i]!
    if (position < 0 || position >= length || (i > 0 && position <= positions[i - 1]!)) return undefined
    const at = (position % perPage) * perExample
    pageFor(writing, position).set(values.subarray(i * perExample, (i + 1) * perExample), at)
  }
  return wholeState(length, writing.pages)
}

/** Books as three vectors with a number for each example. */
export function vectorsOf(
  length: number,
  pages: Pages,
): { sums: Float32Array; counts: Uint32Array; drawn: Uint32Array } {
  const sums = new Uint32Array(length)
  const counts = new Uint32Array(length)
  const drawn = new Uint32Array(length)
  for (const [number, page] of pages)
    for (let i = 0; i < perPage && number * perPage + i < length; i++) {
      sums[number * perPage + i] = page[i * perExample]!
      counts[number * perPage + i] = page[i * perExample + 1]!
      drawn[number * perPage + i] = page[i * perExample + 2]!
    }
  return { sums: new Float32Array(sums.buffer), counts, drawn }
}

export function booksFromVectors(sums: Float32Array, counts: Uint32Array, drawn: Uint32Array): BooksState {
  const { length } = sums
  const words = new Uint32Array(sums.buffer, sums.byteOffset, length)
  const writing: Writing = { pages: new Map(), own: new Set() }
  for (let i = 0; i < length; i++) {
    if (!words[i] && !counts[i] && !drawn[i]) continue
    const at = (i % perPage) * perExample
    const page = pageFor(writing, i)
    page[at] = words[i]!
    page[at + 1] = counts[i]!
    page[at + 2] = drawn[i]!
  }
  return wholeState(length, writing.pages)
}
