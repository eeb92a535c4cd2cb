/** A cell that was handed to the main thread. */
export interface RanCell {
  number: number
  text: string
  program: string
  map?: string | undefined
}

/** The cells that ran, so that breakpoints can be set in functions that older cells defined. */
export class RanCells {
  readonly #byNumber = new Map<number, RanCell>()

  add(cell: RanCell): void {
    this.#byNumber.set(cell.number, cell)
  }

  at(number: number): RanCell | undefined {
    return this.#byNumber.get(number)
  }

  withText(text: string): RanCell[] {
    return [...this.#byNumber.values()].filter((cell) => cell.text === text)
  }
}
