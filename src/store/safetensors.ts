import { describe, InputError } from '../errors.js'
import { crc32 } from '../checksum.js'

/**
 * Tensors in a file that any language reads: eight bytes that hold the header's length, the header as JSON, the values.
 * The format is Hugging Face's safetensors (https://github.com/huggingface/safetensors, README, "Format").
 */
export type TensorArray =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array

export interface StoredTensor {
  shape: readonly number[]
  values: TensorArray
  /** Values of 0 and 1 that mean false and true. */
  bool?: boolean
  /** The bits of 16-bit floating-point numbers: IEEE 754's half precision, or the upper half of a float32. */
  half?: 'F16' | 'BF16'
}

export interface TensorFile {
  tensors: { [name: string]: StoredTensor }
  metadata: { [name: string]: string }
  /** Of a file that was read: it holds its checksum, which is right. */
  checked?: boolean
}

/**
 * How every file of ours begins after its first eight bytes. The eight digits that follow are the CRC-32 of the whole file with
 * zeros in their place: the format has no place for a checksum, but for the metadata, which others pass over.
 */
const beginning = new TextEncoder().encode('{"__metadata__":{"crc32":"')
const checksumAt = 8 + beginning.length
const zeros = new TextEncoder().encode('00000000')

function checksumOf(bytes: Uint8Array): string {
  const before = crc32(zeros, crc32(bytes.subarray(0, checksumAt)))
  return crc32(bytes.subarray(checksumAt + zeros.length), before)
    .toString(16)
    .padStart(8, '0')
}

/** The checksum that a file of ours holds. */
function maybeChecksum(bytes: Uint8Array): string | undefined {
  if (!beginning.every((byte, i) => bytes[8 + i] === byte)) return undefined
  return new TextDecoder().decode(bytes.subarray(checksumAt, checksumAt + zeros.length))
}

/** One row a type: its name in the format, and the array that holds it. */
const types = [
  ['F32', Float32Array],
  ['F64', Float64Array],
  ['I32', Int32Array],
  ['U32', Uint32Array],
  ['I16', Int16Array],
  ['U16', Uint16Array],
  ['I8', Int8Array],
  ['U8', Uint8Array],
  ['BOOL', Uint8Array],
  ['F16', Uint16Array],
  ['BF16', Uint16Array],
] as const

/** The longest header that is read: the limit of the format's own implementation. */
const longestHeader = 100_000_000

function typeName({ values, bool, half }: StoredTensor): string {
  if (bool) return 'BOOL'
  if (half) return half
  const row = types.find(([, Kind]) => values.constructor === Kind)
  if (row) return row[0]
  throw new InputError({
    where: 'safetensors',
    received: values.constructor.name,
    expected: `one of ${[...new Set(types.map(([, Kind]) => Kind.name))].join(', ')}`,
  })
}

/** The bytes of a safetensors file. Tensors lie in the order of their names, each at a multiple of 8 bytes. */
export function encodeTensors({ tensors, metadata }: TensorFile): Uint8Array {
  const header: { [name: string]: unknown } = { __metadata__: { crc32: '00000000', ...metadata } }
  const names = Object.keys(tensors).toSorted(
    // Wide values first, so that every tensor is aligned without gaps (which the format does not allow).
    (a, b) => tensors[b]!.values.BYTES_PER_ELEMENT - tensors[a]!.values.BYTES_PER_ELEMENT || (a < b ? -1 : 1),
  )
  let size = 0
  for (const name of names) {
    const tensor = tensors[name]!
    const { byteLength } = tensor.values
    header[name] = { dtype: typeName(tensor), shape: tensor.shape, data_offsets: [size, size + byteLength] }
    size += byteLength
  }
  const text = new TextEncoder().encode(JSON.stringify(header))
  const start = 8 + Math.ceil(text.length / 8) * 8
  const bytes = new Uint8Array(start + size)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true)
  bytes.fill(0x20, 8, start)
  bytes.set(text, 8)
  let at = start
  for (const name of names) {
    const { buffer, byteOffset, byteLength } = tensors[name]!.values
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at)
    at += byteLength
  }
  bytes.set(new TextEncoder().encode(checksumOf(bytes)), checksumAt)
  return bytes
}

/** The tensors of a safetensors file. @throws InputError for anything that is not a whole and sound one. */
export function decodeTensors(bytes: Uint8Array, name = 'the file'): TensorFile {
  const bad = (received: string, expected: string) =>
    new InputError({ where: `reading ${name} as safetensors`, received, expected })
  if (bytes.length < 8) throw bad(`${bytes.length} bytes`, 'at least 8')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = Number(view.getBigUint64(0, true))
  if (length > longestHeader || length > bytes.length - 8)
    throw bad(`a header of ${length} bytes in a file of ${bytes.length}`, 'a header that fits in the file')
  const checksum = maybeChecksum(bytes)
  if (checksum !== undefined && checksum !== checksumOf(bytes))
    throw bad(
      `bytes with the checksum ${checksumOf(bytes)}`,
      `${checksum}, as the file says of itself: it was damaged since it was written`,
    )
  // Not bytes.subarray: the slice of a Buffer of Node's is a view of memory that others use.
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset + 8 + length, bytes.length - 8 - length)
  const header = parseHeader(bytes.subarray(8, 8 + length), bad)
  const { __metadata__: metadata = {}, ...entries } = header
  const tensors: TensorFile['tensors'] = {}
  const spans: { name: string; from: number; to: number }[] = []
  for (const [tensor, entry] of Object.entries(entries)) {
    if (tensor === '__proto__') throw bad('a tensor named __proto__', 'another name')
    const found = checkEntry(tensor, entry, data.length, bad)
    spans.push({ name: tensor, from: found.from, to: found.to })
    // A copy: the values need not lie at a multiple of their size in the file.
    const { buffer } = data.slice(found.from, found.to)
    tensors[tensor] = {
      shape: found.shape,
      values: new found.Kind(buffer as ArrayBuffer),
      ...(found.bool && { bool: true }),
      ...(found.half && { half: found.half }),
    }
  }
  let end = 0
  for (const { name: tensor, from, to } of spans.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    if (from !== end) throw bad(`${tensor} at byte ${from}`, `byte ${end}: tensors without gaps or overlaps`)
    end = to
  }
  if (end !== data.length) throw bad(`${data.length} bytes of values`, `${end}, the end of the last tensor`)
  const { crc32: _, ...texts } = checkMetadata(metadata, bad)
  return checksum === undefined
    ? { tensors, metadata: checkMetadata(metadata, bad) }
    : { tensors, metadata: texts, checked: true }
}

type Bad = (received: string, expected: string) => InputError

function parseHeader(bytes: Uint8Array, bad: Bad): { [name: string]: unknown } {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw bad('a header that is not JSON', 'a JSON object')
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw bad('a header that is not an object', 'a JSON object')
  return header as { [name: string]: unknown }
}

function checkEntry(name: string, entry: unknown, size: number, bad: Bad) {
  const {
    dtype,
    shape,
    data_offsets: offsets,
  } = (entry ?? {}) as {
    dtype?: unknown
    shape?: unknown
    data_offsets?: unknown
  }
  const row = types.find(([type]) => type === dtype)
  if (!row)
    throw bad(`${name} of type ${describe(dtype)}`, `one of ${types.map(([type]) => type).join(', ')}`)
  const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0
  if (!Array.isArray(shape) || !shape.every(isCount)) throw bad(`${name} without a shape`, 'whole numbers')
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw bad(`${name} without data_offsets`, 'two whole numbers')
  const [from, to] = offsets as [number, number]
  if (from > to || to > size) throw bad(`${name} at bytes ${from} to ${to}`, `bytes from 0 to ${size}`)
  const [type, Kind] = row
  const count = shape.reduce((a: number, b: number) => a * b, 1)
  if (count * Kind.BYTES_PER_ELEMENT !== to - from)
    throw bad(
      `${to - from} bytes for ${name}`,
      `${count * Kind.BYTES_PER_ELEMENT}, as its shape and type say`,
    )
  const half = type === 'F16' || type === 'BF16' ? type : undefined
  return { shape: shape as number[], from, to, Kind, bool: type === 'BOOL', half }
}

function checkMetadata(metadata: unknown, bad: Bad): { [name: string]: string } {
  const isText = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)
  if (!isText || !Object.values(metadata).every((value) => typeof value === 'string'))
    throw bad('metadata that is not text', 'an object of strings')
  return metadata as { [name: string]: string }
}
