import { Digest } from '../../data/table/digest.js'
import { describe, InputError } from '../../errors.js'
import { say } from '../../say.js'
import { named } from '../../suggest.js'
import { findFiles, type FoundFile } from './find-files.js'
import { documentsOf, type FileOptions } from './read-file.js'

/** One document of a corpus. */
export interface TextDocument {
  text: string
  /** What it is called in messages: its file, with its number where the file has several. */
  name: string
  /** What it came from: its file. */
  source: string
  /** Whether the next one is the rest of this one: a document of more than 16 million characters comes in pieces. */
  continues?: true
}

export interface CorpusOptions extends FileOptions {
  /** What it is called in messages and on charts. Default: the path, or 'documents'. `name: 'poems'` */
  name?: string
  /**
   * What happens to a file that cannot be read as text (not in its encoding, damaged): 'error', or 'skip', which goes on with
   * the next file and tells how far it came. Default: 'error'. `unreadable: 'skip'`
   */
  unreadable?: 'error' | 'skip'
}

type Texts =
  | Iterable<string | { text: string; name?: string }>
  | AsyncIterable<string | { text: string; name?: string }>

/** What `corpus` takes: a file, a folder or a pattern; texts in memory, or whatever gives them one after the other. */
export type CorpusSource = string | readonly string[] | Texts | (() => Texts)

/** Documents, one after the other: `for await (const { text, name } of corpus)`. */
export interface Corpus extends AsyncIterable<TextDocument> {
  readonly name: string
  /** The files it is read from, where there are any. */
  readonly files?: readonly { readonly name: string; readonly size: number }[]
  /** All of it in one text, documents with an empty line between them: for what fits into memory. */
  text(): Promise<string>
  /**
   * What tells whether it is still the same without reading it (names, sizes and times of its files); undefined where only
   * its text can tell.
   */
  fingerprint(): string | undefined
}

/**
 * Text to learn from, of any size: it is read when it is gone through, a piece at a time.
 *
 * A path is a file, a folder (all of its text files and those within) or a pattern (`texts/**\/*.txt`). A text file is one
 * document, or several where `separator` says what stands between them; each record of JSON lines, CSV and Parquet is one,
 * with its text in `field`. Files packed by gzip are read as they are. Everything else that gives texts one after the other
 * is a corpus of them; a function that gives such anew can be gone through more than once.
 *
 * @throws InputError where there is no file; while it is read, for text that is not in its encoding, by file, line and byte,
 *   unless `unreadable` is 'skip'.
 * @example const poems = corpus(['Tiger, tiger', 'O Rose'], { name: 'poems' })
 */
export function corpus(source: CorpusSource, options: CorpusOptions = {}): Corpus {
  const where = 'corpus(source, options)'
  const known = ['name', 'field', 'separator', 'encoding', 'csv', 'unreadable']
  const { name, unreadable = 'error', ...how } = named(options, known, where)
  if (unreadable !== 'error' && unreadable !== 'skip')
    throw new InputError({
      where: `${where}: unreadable`,
      received: describe(unreadable),
      expected: "'error' or 'skip'",
    })
  for (const option of ['field', 'separator'] as const)
    if (how[option] !== undefined && (typeof how[option] !== 'string' || how[option] === ''))
      throw new InputError({
        where: `${where}: ${option}`,
        received: describe(how[option]),
        expected: 'a text that is not empty',
      })
  if (typeof source === 'string') return fileCorpus(source, name ?? source, how, unreadable, where)
  return textCorpus(source, name ?? 'documents', where)
}

function fileCorpus(
  path: string,
  name: string,
  how: FileOptions,
  unreadable: 'error' | 'skip',
  where: string,
): Corpus {
  const { files, others } = findFiles(path, where)
  if (others.length > 0)
    say(
      `${path}: ${others.length} ${others.length === 1 ? 'file is' : 'files are'} of another kind and left out (${others.slice(0, 3).join(', ')}${others.length > 3 ? ', …' : ''}).`,
    )
  return corpusOf(
    name,
    () => read(files, how, unreadable),
    files,
    () =>
      new Digest()
        .text(JSON.stringify([how, files.map(({ name: file, size, modified }) => [file, size, modified])]))
        .end(),
  )
}

async function* read(
  files: readonly FoundFile[],
  how: FileOptions,
  unreadable: 'error' | 'skip',
): AsyncGenerator<TextDocument> {
  for (const file of files)
    try {
      yield* documentsOf(file, how)
    } catch (error) {
      if (unreadable === 'error' || !(error instanceof InputError)) throw error
      say(`${file.name} is left out from here on: ${error.message}`)
    }
}

function textCorpus(source: Exclude<CorpusSource, string>, name: string, where: string): Corpus {
  const isTexts = (given: unknown): given is Texts =>
    typeof given === 'object' && given !== null && (Symbol.iterator in given || Symbol.asyncIterator in given)
  if (typeof source !== 'function' && !isTexts(source))
    throw new InputError({
      where,
      received: describe(source),
      expected: 'a path, texts, or a function that gives texts',
      fix: "corpus('texts/*.txt'), corpus(['one text', 'another']), corpus(function* () { yield 'a text' }).",
    })
  let gone = false
  return corpusOf(name, async function* () {
    const texts = typeof source === 'function' ? source() : source
    if (!isTexts(texts))
      throw new InputError({ where, received: `${describe(texts)} from the function`, expected: 'texts' })
    // What gives itself as its iterator is over once it was gone through.
    const once = 'next' in texts
    if (once && typeof source !== 'function' && gone)
      throw new InputError({
        where: name,
        received: 'a generator that was gone through before',
        expected: 'one that gives its texts again',
        fix: 'Pass the function that makes it: corpus(() => texts()).',
      })
    gone = true
    let number = 0
    for await (const given of texts) {
      const document = typeof given === 'string' ? { text: given } : given
      if (typeof document?.text !== 'string')
        throw new InputError({
          where: name,
          received: `${describe(given)} as document ${number + 1}`,
          expected: 'a text, or { text, name }',
        })
      number++
      yield { text: document.text, name: document.name ?? `${name}:${number}`, source: name }
    }
  })
}

/** @internal A corpus from what gives its documents. */
export function corpusOf(
  name: string,
  documents: () => AsyncGenerator<TextDocument>,
  files?: readonly FoundFile[],
  fingerprint: () => string | undefined = () => undefined,
): Corpus {
  const size = files?.reduce((sum, file) => sum + file.size, 0)
  const described =
    files && `${files.length} ${files.length === 1 ? 'file' : 'files'}, ${size!.toLocaleString('en')} bytes`
  return {
    name,
    ...(files && { files }),
    [Symbol.asyncIterator]: documents,
    async text() {
      let all = ''
      let continues = true
      for await (const document of documents()) {
        all += continues ? document.text : `\n\n${document.text}`
        continues = document.continues === true
      }
      return all
    },
    fingerprint,
    toString: () => `Corpus ${name}${described ? `: ${described}` : ''}`,
    [Symbol.for('nodejs.util.inspect.custom')]: () => `Corpus ${name}${described ? `: ${described}` : ''}`,
  } as Corpus
}

/** Whether something is a corpus. */
export const isCorpus = (thing: unknown): thing is Corpus =>
  typeof (thing as Corpus | null)?.fingerprint === 'function' && Symbol.asyncIterator in (thing as Corpus)
