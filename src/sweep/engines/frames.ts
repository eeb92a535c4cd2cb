/** Messages between processes that are not all Node's: four bytes with the length of a head, the head in JSON, and bytes. */

export interface Frame {
  readonly head: { readonly type: string; readonly [name: string]: unknown }
  readonly body: Uint8Array
}

export function encodeFrame(head: Frame['head'], body: Uint8Array = new Uint8Array()): Uint8Array {
  const text = Buffer.from(JSON.stringify({ ...head, size: body.byteLength }))
  const start = Buffer.alloc(4)
  start.writeUInt32BE(text.byteLength)
  return Buffer.concat([start, text, body])
}

/** Calls `onFrame` for each whole frame of what comes in pieces. */
export function frameReader(onFrame: (frame: Frame) => void): (piece: Uint8Array) => void {
  let pieces: Uint8Array[] = []
  let have = 0
  let need = 4
  return (piece) => {
    pieces.push(piece)
    have += piece.byteLength
    while (have >= need) {
      const all = Buffer.concat(pieces)
      pieces = [all]
      const text = all.readUInt32BE(0)
      if (have < 4 + text) {
        need = 4 + text
        return
      }
      const head = JSON.parse(all.subarray(4, 4 + text).toString()) as Frame['head'] & { size: number }
      const end = 4 + text + head.size
      if (have < end) {
        need = end
        return
      }
      const { size: _, ...rest } = head
      onFrame({ head: rest, body: Uint8Array.from(all.subarray(4 + text, end)) })
      pieces = [all.subarray(end)]
      have -= end
      need = 4
    }
  }
}
