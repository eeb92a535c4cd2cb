/** The documents of one file, whatever its kind, at flat memory. */
import { readCsv, type CsvOptions } from '../../data/read/csv.js'
import { textOf, type TextOptions } from '../../data/read/decode.js'
import { readJsonLines } from '../../data/read/json-lines.js'
import { readParquet } from '../../data/read/parquet.js'
import { describe, InputError } from '../../errors.js'
import { betweenCharacters, maybeCut } from '../tokenizers/cut.js'
import type { TextDocument } from './corpus.js'
import type { FoundFile } from './find-files.js'

export interface FileOptions extends TextOptions {
  /** Of records (JSON lines, CSV, Parquet): which field is the text. Default: 'text'. `field: 'review'` */
  field?: string
  /**
   * Of text files: what stands between documents, and belongs to none. Default: nothing, a file is a document.
   * `separator: '\n\n'`
   */
  separator?: string
  /** How a CSV file is written. Default: commas, with a head. `csv: { separator: ';' }` */
  csv?: CsvOptions
}

/** Characters from which on a document comes in pieces: a file may be longer than any string. */
const longest = 1 << 24
/** Characters after which it is cut wherever a character ends: a line without a space that is no text of words. */
const hopeless = 4 * longest

const tables: readonly {
  ending: RegExp
  read(path: string, options: FileOptions & { field: string }): AsyncGenerator<{ [field: string]: unknown }>
}[] = [
  {
    ending: /\.(jsonl|ndjson)(\.gz)?$/i,
    read: (path, { encoding }) => readJsonLines(path, only({ encoding })),
  },
  {
    ending: /\.[ct]sv(\.gz)?$/i,
    // As it stands: '007' is a text.
    read: (path, { csv, encoding }) => readCsv(path, { ...csv, ...only({ encoding }), asText: true }),
  },
  { ending: /\.parquet$/i, read: (path, { field }) => readParquet(path, { columns: [field] }) },
]

const only = ({ encoding }: TextOptions): TextOptions => (encoding === undefined ? {} : { encoding })

export async function* documentsOf(file: FoundFile, options: FileOptions): AsyncGenerator<TextDocument> {
  const table = tables.find(({ ending }) => ending.test(file.path))
  if (!table) return yield* textDocuments(file, options)
  const field = options.field ?? 'text'
  let number = 0
  for await (const record of table.read(file.path, { ...options, field })) {
    const text = record[field]
    const name = `${file.name}:${++number}`
    if (typeof text === 'string') yield { text, name, source: file.name }
    // A text that is missing is an empty one, and told as such.
    else if (text === null) yield { text: '', name, source: file.name }
    else
      throw new InputError({
        where: `${file.path}, record ${number}`,
        received: Object.hasOwn(record, field)
          ? `${describe(text)} as ${field}`
          : `a record with ${Object.keys(record).slice(0, 8).join(', ')}`,
        expected: `a text as ${describe(field)}`,
        fix: `Name the field: corpus(path, { field: '${Object.keys(record).find((other) => typeof record[other] === 'string') ?? 'text'}' }).`,
      })
  }
}

/** A file of text: one document, or several that a separator stands between. */
async function* textDocuments(
  file: FoundFile,
  { separator, encoding }: FileOptions,
): AsyncGenerator<TextDocument> {
  let rest = ''
  let searched = 0
  let number = 0
  const nameNow = () => (separator === undefined ? file.name : `${file.name}:${number + 1}`)
  const document = (text: string, continues = false): TextDocument => ({
    text,
    name: nameNow(),
    source: file.name,
    ...(continues && { continues }),
  })
  for await (const piece of textOf(file.path, only({ encoding }))) {
    rest += piece
    for (let at = separator === undefined ? -1 : rest.indexOf(separator, searched); at >= 0;) {
      yield document(rest.slice(0, at))
      number++
      rest = rest.slice(at + separator!.length)
      at = rest.indexOf(separator!)
    }
    searched = separator === undefined ? 0 : Math.max(0, rest.length - separator.length + 1)
    while (rest.length > longest) {
      const at =
        maybeCut(rest, longest) ?? (rest.length > hopeless ? betweenCharacters(rest, longest) : undefined)
      // What the separator may begin with is not given away.
      if (at === undefined || at > rest.length - (separator?.length ?? 0)) break
      yield document(rest.slice(0, at), true)
      rest = rest.slice(at)
      searched = Math.max(0, searched - at)
    }
  }
  // Behind the last separator there is a document only if there is text.
  if (rest !== '' || separator === undefined) yield document(rest)
}
