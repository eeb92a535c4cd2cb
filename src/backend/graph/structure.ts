import type { Value } from '../onnx/model.js'

/** Numbers for texts; a table that is full is emptied, and what it held gets new numbers. */
const numbers = new Map<string, number>()
const most = 50_000
let next = 1

/** A number above 0 that only this text has. */
export function numberOf(text: string): number {
  let number = numbers.get(text)
  if (number === undefined) {
    if (numbers.size === most) numbers.clear()
    numbers.set(text, (number = next++))
  }
  return number
}

/**
 * What a graph is made of, written down while it grows: equal structures are equal graphs. A step of a program makes some
 * thousand nodes, so numbers are written and not texts, and compared where the hashes agree.
 */
export class Structure {
  private readonly parts: number[]
  hash: number

  constructor(parts: number[] = [], hash = 0) {
    this.parts = parts
    this.hash = hash
  }

  add(part: number): void {
    this.parts.push(part)
    this.hash = Math.imul((this.hash << 5) ^ (this.hash >>> 27) ^ part, 0x9e3779b1)
  }

  /** Writes down that a value is used; numbers below 0, which no text has. */
  refer(value: Value | undefined): void {
    this.add(value ? -2 - value.place! : -1)
  }

  /** The whole of it: with these outputs, for this device. The graph may grow on. */
  end(outputs: readonly Value[], device: string): Structure {
    const whole = new Structure(this.parts.slice(), this.hash)
    whole.add(numberOf(`on ${device}`))
    for (const output of outputs) whole.refer(output)
    return whole
  }

  equals({ hash, parts }: Structure): boolean {
    const own = this.parts
    if (hash !== this.hash || parts.length !== own.length) return false
    for (let at = 0; at < own.length; at++) if (own[at] !== parts[at]) return false
    return true
  }
}
