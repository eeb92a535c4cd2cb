import type { StoredTensor } from '../../store/safetensors.js'

/** 16-bit numbers by their bits: IEEE 754 half precision. */
const halves = /* @__PURE__ */ (() => {
  let table: Float32Array | undefined
  return () => (table ??= Float32Array.from({ length: 65_536 }, (_, bits) => fromHalf(bits)))
})()

function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** Bits of half-precision numbers as float32. */
export function halvesToFloats(bits: Uint16Array): Float32Array {
  const table = halves()
  const values = new Float32Array(bits.length)
  for (let i = 0; i < bits.length; i++) values[i] = table[bits[i]!]!
  return values
}

/** Bits of bfloat16 numbers as float32: they are its upper half. */
export function brainFloatsToFloats(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length)
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16
  return new Float32Array(words.buffer)
}

/** The values of a tensor of a file as float32. */
export function floatsOf({ values, half }: StoredTensor): Float32Array {
  if (half === 'F16') return halvesToFloats(values as Uint16Array)
  if (half === 'BF16') return brainFloatsToFloats(values as Uint16Array)
  return values instanceof Float32Array ? values : Float32Array.from(values)
}
