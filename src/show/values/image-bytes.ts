const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0))

/** The first bytes of each format that a notebook shows. */
const signatures: readonly { type: string; at: number; bytes: Uint8Array }[] = [
  { type: 'image/png', at: 0, bytes: Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a) },
  { type: 'image/jpeg', at: 0, bytes: Uint8Array.of(0xff, 0xd8, 0xff) },
  { type: 'image/gif', at: 0, bytes: ascii('GIF8') },
  { type: 'image/webp', at: 8, bytes: ascii('WEBP') },
]

/** The MIME type of a picture's bytes; `undefined` when they are none. */
export function maybeImageType(bytes: Uint8Array): string | undefined {
  return signatures.find((row) => row.bytes.every((byte, i) => bytes[row.at + i] === byte))?.type
}
