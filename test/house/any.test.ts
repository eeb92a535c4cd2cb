import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const types = join(import.meta.dirname, '../../dist/src')

/** Where a declaration may say `any`, and why. */
const allowed: { readonly [file: string]: string } = {
  'host.d.ts': 'what a page sends over a comm, as JSON.parse has it',
  'text/tokenizers/huggingface.d.ts': 'a tokenizer.json of Hugging Face, before it is read; behind the doors',
  'train/state/field.d.ts': 'a row of the table of fields, each with types of its own; behind the doors',
  'train/state/fields.d.ts': 'the table of fields; behind the doors',
  'widgets/links.d.ts': 'what links two attributes of any types',
  'widgets/selection.d.ts': 'the index of a selection: a number, several, or none, by its kind',
  'widgets/widget.d.ts': 'attributes of widgets whose kind is not known',
}

/** Lines of code, without comments and texts, in which `any` is a type. */
function anysIn(file: string): string[] {
  return readFileSync(join(types, file), 'utf8')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/'[^'\n]*'/g, "''")
    .split('\n')
    .filter((line) => /[:<|&(=[,>] *any\b(?! *\()/.test(line) && !line.includes('export {'))
}

it('no signature says any but those that are listed here, each with its reason', () => {
  const files = readdirSync(types, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.d.ts') && !file.endsWith('generated.d.ts'),
  )
  expect(files.length).toBeGreaterThan(300)
  const found = new Map(
    files
      .map((file) => [file.replaceAll('\\', '/'), anysIn(file)] as const)
      .filter(([, lines]) => lines.length > 0),
  )
  const unlisted = [...found].filter(([file]) => !(file in allowed))
  expect(unlisted).toEqual([])
  // A reason whose line is gone goes too; and that the pattern finds what it is for is seen by these.
  expect(Object.keys(allowed).filter((file) => !found.has(file))).toEqual([])
})
