/** Examples from which nothing is written or ordered that has an entry for each of them. */
export const manyExamples = 1 << 20

/** Examples of one page. Of a thousand iterations on a large data set most pages are touched once: small ones are less to copy. */
const perPage = 128
/** Three numbers an example: the loss's sum (as bits of a float32), how often it is in there, the iteration last drawn in. */
const perExample = 3

type Page = Uint32Array

/** Books as they stood, never changed any more. */
export interface BooksState {
  readonly length: number
  readonly pages: readonly (Page | undefined)[]
}

const bits = new Uint32Array(1)
const float = new Float32Array(bits.buffer)

/**
 * What is written down of each training example when it is drawn: the losses it had then, and when that was. Kept by pages that
 * are made when they are first written, and copied when they are first written after `state()`, so that a point of undo holds
 * only what changed since the one before, and a run on ten million examples costs what it draws.
 */
export class Books {
  readonly length: number
  #pages: (Page | undefined)[]
  /** Whether a page belongs to these books alone. */
  #own: Uint8Array
  #shared: BooksState | undefined

  constructor(length: number) {
    this.length = length
    this.#pages = Array.from({ length: Math.ceil(length / perPage) })
    this.#own = new Uint8Array(this.#pages.length)
  }

  draw(position: number, iteration: number): void {
    this.#pageFor(position)[(position % perPage) * perExample + 2] = iteration
  }

  addLoss(position: number, loss: number): void {
    const page = this.#pageFor(position)
    const at = (position % perPage) * perExample
    bits[0] = page[at]!
    float[0]! += loss
    page[at] = bits[0]!
    page[at + 1]!++
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
    const page = this.#pages[Math.floor(position / perPage)]
    return page ? page[(position % perPage) * perExample + what]! : 0
  }

  #pageFor(position: number): Page {
    const number = Math.floor(position / perPage)
    const page = this.#pages[number]
    if (page && this.#own[number]) return page
    this.#shared = undefined
    this.#own[number] = 1
    return (this.#pages[number] = page ? page.slice() : new Uint32Array(perPage * perExample))
  }

  state(): BooksState {
    if (this.#shared) return this.#shared
    this.#own.fill(0)
    return (this.#shared = { length: this.length, pages: this.#pages.slice() })
  }

  restore(state: BooksState): void {
    this.#pages = state.pages.slice()
    this.#own.fill(0)
    this.#shared = state
  }
}

/** Bytes that books hold beside others that stand before them. */
export function bytesOfBooks({ pages }: BooksState, beside?: BooksState): number {
  let count = 0
  for (let i = 0; i < pages.length; i++) if (pages[i] !== undefined && pages[i] !== beside?.pages[i]) count++
  return 4 * perPage * perExample * count + (beside?.pages === pages ? 0 : 8 * pages.length)
}

/** Books as vectors for a file: of each page that was written its number, and what is in it, page after page. */
export function writtenPages({ pages }: BooksState): { numbers: Int32Array; values: Uint32Array } {
  const numbers = Int32Array.from(pages.flatMap((page, i) => (page ? [i] : [])))
  const values = new Uint32Array(numbers.length * perPage * perExample)
  for (const [i, number] of numbers.entries()) values.set(pages[number]!, i * perPage * perExample)
  return { numbers, values }
}

/** Undefined where the vectors do not fit each other, or the length. */
export function booksFromPages(
  length: number,
  { numbers, values }: { numbers: Int32Array; values: Uint32Array },
): BooksState | undefined {
  const pages: (Page | undefined)[] = Array.from({ length: Math.ceil(length / perPage) })
  const size = perPage * perExample
  if (values.length !== numbers.length * size) return undefined
  for (const [i, number] of numbers.entries()) {
    if (number < 0 || number >= pages.length || pages[number]) return undefined
    pages[number] = values.slice(i * size, (i + 1) * size)
  }
  return { length, pages }
}

/** Books as three vectors with a number for each example. */
export function vectorsOf({ length, pages }: BooksState): {
  sums: Float32Array
  counts: Uint32Array
  drawn: Uint32Array
} {
  const sums = new Uint32Array(length)
  const counts = new Uint32Array(length)
  const drawn = new Uint32Array(length)
  for (const [number, page] of pages.entries())
    for (let i = 0; page && i < perPage && number * perPage + i < length; i++) {
      sums[number * perPage + i] = page[i * perExample]!
      counts[number * perPage + i] = page[i * perExample + 1]!
      drawn[number * perPage + i] = page[i * perExample + 2]!
    }
  return { sums: new Float32Array(sums.buffer), counts, drawn }
}

export function booksFromVectors(sums: Float32Array, counts: Uint32Array, drawn: Uint32Array): BooksState {
  const { length } = sums
  const words = new Uint32Array(sums.buffer, sums.byteOffset, length)
  const pages = Array.from({ length: Math.ceil(length / perPage) }, (_, number) => {
    let page: Page | undefined
    for (let i = 0; i < perPage && number * perPage + i < length; i++) {
      const at = number * perPage + i
      if (!words[at] && !counts[at] && !drawn[at]) continue
      page ??= new Uint32Array(perPage * perExample)
      page[i * perExample] = words[at]!
      page[i * perExample + 1] = counts[at]!
      page[i * perExample + 2] = drawn[at]!
    }
    return page
  })
  return { length, pages }
}
