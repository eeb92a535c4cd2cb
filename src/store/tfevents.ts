/**
 * Event files of TensorBoard: TFRecords of `Event` messages (tensorflow/core/util/event.proto), of which a scalar needs
 * five fields, so they are written by hand.
 */
export interface ScalarEvent {
  step: number
  tag: string
  value: number
  /** Seconds since 1970. */
  wallTime: number
}

/** The bytes of an event file. */
export function encodeEvents(events: Iterable<ScalarEvent>, wallTime: number): Uint8Array {
  const records = [record([...double(1, wallTime), ...bytes(3, utf8('brain.Event:2'))])]
  for (const { step, tag, value, wallTime: time } of events) {
    const scalar = [...bytes(1, utf8(tag)), ...float(2, value)]
    records.push(
      record([...double(1, time), ...varint(2 << 3), ...varint(step), ...bytes(5, bytes(1, scalar))]),
    )
  }
  const whole = new Uint8Array(records.reduce((size, one) => size + one.length, 0))
  let at = 0
  for (const one of records) {
    whole.set(one, at)
    at += one.length
  }
  return whole
}

/** Length, its checksum, the data, its checksum: a TFRecord. */
function record(data: number[]): Uint8Array {
  const whole = new Uint8Array(data.length + 16)
  const view = new DataView(whole.buffer)
  view.setUint32(0, data.length, true)
  view.setUint32(8, maskedChecksum(whole.subarray(0, 8)), true)
  whole.set(data, 12)
  view.setUint32(12 + data.length, maskedChecksum(whole.subarray(12, 12 + data.length)), true)
  return whole
}

const utf8 = (text: string) => [...new TextEncoder().encode(text)]

function varint(value: number): number[] {
  const out: number[] = []
  let rest = value
  while (rest > 127) {
    out.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  return [...out, rest]
}

const bytes = (field: number, content: number[]) => [
  ...varint((field << 3) | 2),
  ...varint(content.length),
  ...content,
]

function double(field: number, value: number): number[] {
  return [...varint((field << 3) | 1), ...new Uint8Array(new Float64Array([value]).buffer)]
}

function float(field: number, value: number): number[] {
  return [...varint((field << 3) | 5), ...new Uint8Array(new Float32Array([value]).buffer)]
}

/** CRC-32C (Castagnoli), by table. */
const table = Uint32Array.from({ length: 256 }, (_, start) => {
  let value = start
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value
})

export function checksum(data: Uint8Array): number {
  let value = 0xffffffff
  for (const byte of data) value = (value >>> 8) ^ table[(value ^ byte) & 255]!
  return (value ^ 0xffffffff) >>> 0
}

/** As TFRecords mask it: a checksum of data that holds checksums would be weak. */
function maskedChecksum(data: Uint8Array): number {
  const value = checksum(data)
  return (((value >>> 15) | (value << 17)) + 0xa282ead8) >>> 0
}
