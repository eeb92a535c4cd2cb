import { InputError } from '../../errors.js'

/** The lines of a text file (UTF-8, gzip where the name ends in .gz) without their ends, at flat memory. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  const { createReadStream } = await import('node:fs')
  const file = createReadStream(path, { highWaterMark: 1 << 18 })
  const stream = path.endsWith('.gz') ? file.pipe((await import('node:zlib')).createGunzip()) : file
  // pipe does not hand errors on: a file that is missing would wait for ever.
  if (stream !== file) file.once('error', (error) => stream.destroy(error))
  const decoder = new TextDecoder()
  let rest = ''
  let first = true
  for await (const chunk of whole(stream, path)) {
    let text = rest + decoder.decode(chunk as Uint8Array, { stream: true })
    if (first) text = text.replace(/^\ufeff/, '')
    first = false
    let from = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      yield text.slice(from, text.charCodeAt(end - 1) === 13 ? end - 1 : end)
      from = end + 1
    }
    rest = text.slice(from)
  }
  rest += decoder.decode()
  if (rest) yield rest.replace(/\r$/, '')
}

/** The stream, with an error that names the file where it cannot be read or unpacked. */
async function* whole(stream: AsyncIterable<unknown>, path: string): AsyncGenerator<unknown> {
  try {
    yield* stream
  } catch (error) {
    throw new InputError(
      {
        where: path,
        received: (error as Error).message,
        expected: path.endsWith('.gz')
          ? 'a file that can be read, packed by gzip'
          : 'a file that can be read',
      },
      { cause: error },
    )
  }
}

/**
 * The lines of a text file as records `{ text }`, empty ones left out.
 *
 * @example for await (const { text } of readText('poems.txt')) console.log(text)
 */
export async function* readText(path: string): AsyncGenerator<{ text: string }> {
  for await (const line of linesOf(path)) if (line.trim()) yield { text: line }
}
