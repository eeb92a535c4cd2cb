import { maybeZlib } from '../../checksum.js'

/**
 * A zlib stream (RFC 1950), by Node where there is one. `distances`: those at which a picture repeats, one pixel and one row.
 * Elsewhere ours: to load `fflate` takes longer than all that it would pack, also on Node, which does not need it.
 */
export function zlibStream(data: Uint8Array, distances: readonly number[]): Uint8Array {
  const native = maybeZlib()
  if (native) return native.deflateSync(data)
  const packed = deflate(data, distances)
  const stream = new Uint8Array(packed.length + 6)
  stream.set([0x78, 0x01])
  stream.set(packed, 2)
  new DataView(stream.buffer).setUint32(packed.length + 2, adler32(data))
  return stream
}

function adler32(bytes: Uint8Array): number {
  let a = 1
  let b = 0
  for (const byte of bytes) {
    a = (a + byte) % 65521
    b = (b + a) % 65521
  }
  return ((b << 16) | a) >>> 0
}

/**
 * A small deflate (RFC 1951): one block of fixed Huffman codes, matches at the distances that pictures repeat at (one
 * pixel, one row) and at the last place where the same three bytes stood. Small pictures shrink to a
 * fifth with this.
 */
function deflate(data: Uint8Array, distances: readonly number[]): Uint8Array {
  const out = new BitWriter(data.length + 64)
  out.bits(0b011, 3) // last block, fixed codes
  const seen = new Map<number, number>()
  for (let i = 0; i < data.length;) {
    const key = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16)
    const candidates = [...distances, i - (seen.get(key) ?? -1)]
    let length = 2
    let distance = 0
    for (const candidate of candidates) {
      if (candidate < 1 || candidate > i || candidate > 32_768) continue
      let same = 0
      while (same < 258 && i + same < data.length && data[i + same] === data[i + same - candidate]) same++
      if (same > length) [length, distance] = [same, candidate]
    }
    seen.set(key, i)
    if (distance === 0) {
      writeLiteral(out, data[i]!)
      i++
      continue
    }
    writeMatch(out, length, distance)
    i += length
  }
  writeLiteral(out, 256)
  return out.end()
}

class BitWriter {
  #bytes: Uint8Array
  #length = 0
  #pending = 0
  #count = 0
  constructor(size: number) {
    this.#bytes = new Uint8Array(size)
  }

  /** Least significant bit first. */
  bits(value: number, count: number): void {
    this.#pending |= value << this.#count
    this.#count += count
    while (this.#count >= 8) this.#byte()
  }

  /** Huffman codes go most significant bit first. */
  code(value: number, count: number): void {
    for (let bit = count - 1; bit >= 0; bit--) this.bits((value >> bit) & 1, 1)
  }

  end(): Uint8Array {
    if (this.#count > 0) this.#byte()
    return this.#bytes.subarray(0, this.#length)
  }

  #byte(): void {
    if (this.#length === this.#bytes.length) {
      const larger = new Uint8Array(this.#length * 2)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes[this.#length++] = this.#pending & 255
    this.#pending >>>= 8
    this.#count = Math.max(0, this.#count - 8)
  }
}

/** The fixed codes of RFC 1951, section 3.2.6: first symbol, first code, length. */
const fixedCodes = [
  [0, 0b00110000, 8],
  [144, 0b110010000, 9],
  [256, 0, 7],
  [280, 0b11000000, 8],
] as const

function writeLiteral(out: BitWriter, symbol: number): void {
  const [first, code, length] = fixedCodes.findLast(([start]) => symbol >= start)!
  out.code(code + symbol - first, length)
}

/** Bases and extra bits of the length and distance symbols, section 3.2.5. */
const lengths = table(29, (i) => (i < 8 ? 0 : (i >> 2) - 1), 3)
const places = table(30, (i) => (i < 4 ? 0 : (i >> 1) - 1), 1)
lengths[28] = { base: 258, extra: 0 }

function table(
  count: number,
  extraOf: (i: number) => number,
  first: number,
): { base: number; extra: number }[] {
  let base = first
  return Array.from({ length: count }, (_, i) => {
    const row = { base, extra: extraOf(i) }
    base += 1 << row.extra
    return row
  })
}

function writeMatch(out: BitWriter, length: number, distance: number): void {
  const l = lengths.findLastIndex((row) => row.base <= length)
  writeLiteral(out, 257 + l)
  out.bits(length - lengths[l]!.base, lengths[l]!.extra)
  const d = places.findLastIndex((row) => row.base <= distance)
  out.code(d, 5)
  out.bits(distance - places[d]!.base, places[d]!.extra)
}
