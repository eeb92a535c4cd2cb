/**
 * A printable letter for each byte, as GPT-2 writes vocabularies: bytes that are printable in Latin-1 stand for
 * themselves, the others for the letters from U+0100 on, in their order.
 */
export const byteLetters: readonly string[] = (() => {
  const isPrintable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++))
})()

const byteOf = new Map(byteLetters.map((letter, byte) => [letter, byte]))

/** The bytes that such letters stand for; `undefined` where one stands for none. */
export function bytesOfLetters(letters: string): Uint8Array | undefined {
  const bytes = new Uint8Array(letters.length)
  let at = 0
  for (const letter of letters) {
    const byte = byteOf.get(letter)
    if (byte === undefined) return undefined
    bytes[at++] = byte
  }
  return bytes.slice(0, at)
}
