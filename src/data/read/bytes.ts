import { InputError } from '../../errors.js'

/** Bytes read at once. */
const piece = 1 << 18

/** The bytes of a file, unpacked where they begin as gzip does, whatever its name. */
export async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  const [{ createReadStream }, { createGunzip }] = await Promise.all([import('node:fs'), import('node:zlib')])
  const packed = await isPacked(path)
  const file = createReadStream(path, { highWaterMark: piece })
  const stream = packed ? file.pipe(createGunzip({ chunkSize: piece })) : file
  // pipe does not hand errors on: a file that cannot be read to its end would wait for ever.
  if (stream !== file) file.once('error', (error) => stream.destroy(error))
  let begun = false
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      if (!begun) checkText(chunk, path)
      begun = true
      yield chunk
    }
  } catch (error) {
    if (error instanceof InputError) throw error
    throw unreadable(path, error, packed)
  } finally {
    file.destroy()
  }
}

/** Whether a file begins as gzip does. */
async function isPacked(path: string): Promise<boolean> {
  const { open } = await import('node:fs/promises')
  const begin = new Uint8Array(2)
  try {
    const file = await open(path)
    await file.read(begin, 0, 2, 0).finally(() => file.close())
  } catch (error) {
    throw unreadable(path, error, false)
  }
  return begin[0] === 0x1f && begin[1] === 0x8b
}

function unreadable(path: string, error: unknown, packed: boolean): InputError {
  return new InputError(
    {
      where: path,
      received: (error as Error).message,
      expected: packed ? 'a file that can be read, packed by gzip' : 'a file that can be read',
    },
    { cause: error },
  )
}

/** What files that are no text begin with, and what they are. */
const others: readonly { begins: readonly number[]; is: string; fix: string }[] = [
  {
    begins: [0x50, 0x4b, 0x03, 0x04],
    is: 'a ZIP archive or an Excel workbook',
    fix: 'Unpack it, or save the sheet as CSV.',
  },
  { begins: [0xd0, 0xcf, 0x11, 0xe0], is: 'an old Excel workbook', fix: 'Save the sheet as CSV.' },
  { begins: [0x50, 0x41, 0x52, 0x31], is: 'a Parquet file', fix: 'Give it a name that ends in .parquet.' },
  { begins: [0x28, 0xb5, 0x2f, 0xfd], is: 'a file packed by zstd', fix: 'Unpack it, or pack it by gzip.' },
  { begins: [0x42, 0x5a, 0x68], is: 'a file packed by bzip2', fix: 'Unpack it, or pack it by gzip.' },
  {
    begins: [0xfd, 0x37, 0x7a, 0x58, 0x5a],
    is: 'a file packed by xz',
    fix: 'Unpack it, or pack it by gzip.',
  },
]

function checkText(bytes: Uint8Array, path: string): void {
  // Text may begin with letters that mean something else in other files; what is no text goes on with bytes that are none.
  const other = others.find(({ begins }) => begins.every((byte, i) => bytes[i] === byte))
  if (!other || !bytes.subarray(0, 1000).some((byte) => byte < 9 || byte >= 0x80)) return
  throw new InputError({ where: path, received: other.is, expected: 'text', fix: other.fix })
}
