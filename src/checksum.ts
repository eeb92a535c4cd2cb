/** What is used of Node's zlib. The types are said here, since JupyterLab's extension is checked without those of Node. */
interface Zlib {
  crc32?(data: Uint8Array, before: number): number
  deflateSync(data: Uint8Array): Uint8Array
}

/** Node's zlib where there is one. */
export function maybeZlib(): Zlib | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } }
  return process?.getBuiltinModule?.('node:zlib') as Zlib | undefined
}

/** CRC-32 as zlib, PNG and gzip have it (ISO 3309), of `data` after what `before` is the checksum of. */
export function crc32(data: Uint8Array, before = 0): number {
  return maybeZlib()?.crc32?.(data, before) ?? crc32ByTable(data, before)
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
