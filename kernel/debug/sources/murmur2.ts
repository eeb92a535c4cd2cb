const multiplier = 0x5bd1e995
const encoder = new TextEncoder()

/**
 * MurmurHash2 in 32 bits (Austin Appleby, public domain) of a text in UTF-8. Front ends compute the same number of a cell's text,
 * to know which cell a path stands for.
 */
export function murmur2(text: string, seed: number): number {
  const bytes = encoder.encode(text)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let hash = seed ^ bytes.length
  let at = 0
  for (; at + 4 <= bytes.length; at += 4) {
    let word = Math.imul(view.getUint32(at, true), multiplier)
    word = Math.imul(word ^ (word >>> 24), multiplier)
    hash = Math.imul(hash, multiplier) ^ word
  }
  const rest = bytes.length - at
  for (let k = rest - 1; k >= 0; k--) hash ^= bytes[at + k]! << (8 * k)
  if (rest > 0) hash = Math.imul(hash, multiplier)
  hash = Math.imul(hash ^ (hash >>> 13), multiplier)
  return (hash ^ (hash >>> 15)) >>> 0
}
