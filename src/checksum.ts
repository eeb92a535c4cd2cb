/** CRC-32 as zlib, PNG and gzip have it (ISO 3309), of `data` after what `before` is the checksum of. */
export function crc32(data: Uint8Array, before = 0): number {
  const native = (globalThis as { process?: NodeJS.Process }).process?.getBuiltinModule?.('node:zlib')?.crc32
  return native ? native(data, before) : crc32ByTable(data, before)
}

const table = Uint32Array.from({ length: 256 }, (_, start) => {
  let value = start
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

/** Where there is no zlib. */
export function crc32ByTable(data: Uint8Array, before = 0): number {
  let value = before ^ 0xffffffff
  for (const byte of data) value = (value >>> 8) ^ table[(value ^ byte) & 255]!
  return (value ^ 0xffffffff) >>> 0
}
