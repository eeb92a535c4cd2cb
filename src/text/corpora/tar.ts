import { InputError } from '../../errors.js'

/**
 * The files of a tar archive in memory (POSIX ustar, as npm packs packages), in their order.
 *
 * @throws InputError for an archive that ends within a file, or is none.
 */
export function* filesOfTar(
  archive: Uint8Array,
  where: string,
): Generator<{ name: string; bytes: Uint8Array }> {
  const text = (at: number, length: number) => {
    const bytes = archive.subarray(at, at + length)
    const end = bytes.indexOf(0)
    return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end))
  }
  const broken = (at: number) =>
    new InputError({
      where,
      received: `no whole tar archive (at byte ${at})`,
      expected: 'a package as npm packs it',
    })
  let at = 0
  // Zeros are the end.
  while (archive[at] !== 0) {
    const size = Number.parseInt(text(at + 124, 12).trim(), 8)
    if (text(at + 257, 5) !== 'ustar' || !(size >= 0) || at + 512 + size > archive.length) throw broken(at)
    const kind = archive[at + 156]!
    const prefix = text(at + 345, 155)
    const name = text(at, 100)
    // 0: a file.
    if (kind === 0x30 || kind === 0)
      yield {
        name: prefix === '' ? name : `${prefix}/${name}`,
        bytes: archive.subarray(at + 512, at + 512 + size),
      }
    at += 512 + 512 * Math.ceil(size / 512)
  }
}
