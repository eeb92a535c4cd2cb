import { describe, InputError } from '../../errors.js'
import { say } from '../../say.js'

/** Numbers beyond it are whole in any case, but float32 has not all of them. */
const exact = 2 ** 24
/** Whole numbers of any type lie below; what is larger was measured, and is rounded as any fraction is. */
const counted = 2 ** 64

/**
 * Takes down which whole numbers float32 could not hold, so that it is said once: 123456789 becomes 123456792, and two ids
 * may become one.
 */
export class Rounding {
  readonly #name: string
  #count = 0
  #example: number | bigint = 0
  #said = false

  constructor(name: string) {
    this.#name = name
  }

  /** The value as float32 will hold it. */
  take(value: number | bigint, where: string): number {
    const number = Number(value)
    const rounded = Math.fround(number)
    if (Math.abs(number) <= exact) return rounded
    if (!Number.isFinite(rounded) && Number.isFinite(number))
      throw new InputError({
        where,
        received: describe(value),
        expected: 'numbers that float32 holds, to 3.4e38',
        fix: 'Scale them first, e.g. by Math.log10.',
      })
    const off = typeof value === 'bigint' ? BigInt(rounded) !== value : rounded !== number
    if (off && (typeof value === 'bigint' || (Number.isInteger(number) && Math.abs(number) < counted))) {
      if (this.#count++ === 0) this.#example = value
    }
    return rounded
  }

  say(): void {
    if (this.#said || this.#count === 0) return
    this.#said = true
    say(
      `${this.#name}: whole numbers beyond 16777216 are rounded, since tensors hold 24 bits of them: ${this.#example} is ${Math.fround(Number(this.#example))} (${this.#count} ${this.#count === 1 ? 'value' : 'values'}). Subtract what they have in common first, scale them, or leave them out where they are names.`,
    )
  }
}
