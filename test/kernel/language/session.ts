import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLanguage } from '../../../kernel/language/language.js'
import { temporaryFolder } from '../../kit/files.js'

export const home = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')

/** A notebook's types: cells are checked, and committed unless they have errors. */
export function session(folder = temporaryFolder()) {
  const language = createLanguage({ folder, home })
  let number = 0
  return {
    language,
    folder,
    /** The problems of a cell, as `TS2322 1:7`. */
    async check(text: string): Promise<string[]> {
      const cell = { number: ++number, text }
      const problems = await language.check(cell)
      if (!problems.some(({ severity }) => severity === 'error')) language.commit(cell)
      return problems.map(({ code, place }) => `${code} ${place.line}:${place.column}`)
    },
    /** Completions at the `|` in the text. */
    async complete(text: string) {
      const offset = text.indexOf('|')
      return language.complete(text.replace('|', ''), offset)
    },
    async inspect(text: string) {
      const offset = text.indexOf('|')
      return language.inspect(text.replace('|', ''), offset)
    },
  }
}
