const encoder = new TextEncoder()

/** Bytes from which on they are put in by reference, and copied once, when all is written: weights are most of a model. */
const large = 65_536

/** Writes the parts of protobuf that an ONNX model needs (https://protobuf.dev/programming-guides/encoding/). */
export class Protobuf {
  /** What stands before the buffer. */
  private readonly parts: Uint8Array[] = []
  private partsLength = 0
  private buffer = new Uint8Array(256)
  private length = 0

  private reserve(more: number): void {
    if (this.length + more <= this.buffer.length) return
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.length + more))
    larger.set(this.buffer.subarray(0, this.length))
    this.buffer = larger
  }

  private varint(value: number): void {
    this.reserve(10)
    if (value < 0) {
      // A negative int64 is ten bytes: the two's complement in groups of seven bits.
      let rest = BigInt.asUintN(64, BigInt(value))
      for (; rest > 127n; rest >>= 7n) this.buffer[this.length++] = Number(rest & 127n) | 128
      this.buffer[this.length++] = Number(rest)
      return
    }
    for (; value > 127; value = Math.floor(value / 128)) this.buffer[this.length++] = (value % 128) | 128
    this.buffer[this.length++] = value
  }

  integer(field: number, value: number): this {
    this.varint(field << 3)
    this.varint(value)
    return this
  }

  float(field: number, value: number): this {
    this.varint((field << 3) | 5)
    this.reserve(4)
    new DataView(this.buffer.buffer).setFloat32(this.length, value, true)
    this.length += 4
    return this
  }

  bytes(field: number, bytes: Uint8Array): this {
    this.varint((field << 3) | 2)
    this.varint(bytes.length)
    this.append(bytes)
    return this
  }

  private append(bytes: Uint8Array): void {
    if (bytes.length >= large) {
      this.parts.push(this.buffer.subarray(0, this.length), bytes)
      this.partsLength += this.length + bytes.length
      this.buffer = new Uint8Array(256)
      this.length = 0
      return
    }
    this.reserve(bytes.length)
    this.buffer.set(bytes, this.length)
    this.length += bytes.length
  }

  string(field: number, text: string): this {
    return this.bytes(field, encoder.encode(text))
  }

  message(field: number, write: (message: Protobuf) => void): this {
    const message = new Protobuf()
    write(message)
    this.varint((field << 3) | 2)
    this.varint(message.partsLength + message.length)
    for (const part of message.parts) this.append(part)
    this.append(message.buffer.subarray(0, message.length))
    return this
  }

  finish(): Uint8Array {
    const last = this.buffer.subarray(0, this.length)
    if (this.parts.length === 0) return last
    const whole = new Uint8Array(this.partsLength + this.length)
    let at = 0
    for (const part of [...this.parts, last]) {
      whole.set(part, at)
      at += part.length
    }
    return whole
  }
}
