/**
 * One number from several: the seed of everything that is drawn anew at (seed, what, when), so that nothing has to be
 * remembered to draw it again. Mixed with the finalizer of MurmurHash3 (Austin Appleby), 53 bits wide.
 */
export function keyOf(seed: number, ...parts: readonly (number | string)[]): number {
  let high = 0x9e3779b9 | 0
  let low = 0x85ebca6b | 0
  const take = (word: number) => {
    high = mix(high ^ word)
    low = mix((low + Math.imul(word, 0x27d4eb2f)) | 0)
  }
  for (const word of words(seed)) take(word)
  for (const part of parts) {
    if (typeof part === 'number') for (const word of words(part)) take(word)
    else for (let i = 0; i < part.length; i++) take(part.charCodeAt(i))
  }
  return (high >>> 0) * 2 ** 21 + (low >>> 11)
}

const double = new Float64Array(1)
const halves = new Int32Array(double.buffer)

/** Both halves of the double, so that 1, 1.5 and 2 ** 40 are different seeds. */
function words(value: number): [number, number] {
  double[0] = value
  return [halves[0]!, halves[1]!]
}

function mix(word: number): number {
  let mixed = word ^ (word >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
