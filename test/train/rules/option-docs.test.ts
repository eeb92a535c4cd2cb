import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** Interfaces whose members are options that users pass, by the file they stand in. */
const options: readonly (readonly [file: string, names: readonly string[]])[] = [
  ['train/rules/options.ts', ['RunOptions', 'ModelOptions']],
  ['train/adjust/changes.ts', ['Changes']],
  ['train/run/rounds.ts', ['RoundsOptions', 'AdjustmentRule']],
  ['train/run/run.ts', ['IterateOptions']],
  ['train/model/own.ts', ['OwnModel']],
  ['data/from.ts', ['SourceOptions', 'RecordOptions']],
  ['data/load.ts', ['LoadOptions']],
  ['data/split.ts', ['SplitOptions']],
  ['data/read/csv.ts', ['CsvOptions']],
  ['data/batches.ts', ['BatchOptions']],
  ['widgets/controls.ts', ['ControlsOptions']],
]

const members = options.flatMap(([file, names]) => {
  const source = readFileSync(join(import.meta.dirname, '../../../src', file), 'utf8')
  return names.flatMap((name) => {
    const [, body] = new RegExp(`export interface ${name}\\b[^{]*\\{\\n([\\s\\S]*?)\\n\\}`).exec(source)!
    return [...body!.matchAll(/^ {2}(?:\/\*\*([\s\S]*?)\*\/\s*)?(\w+)\??[:(]/gm)].map(
      ([, doc, option]) => [`${name}.${option}`, option!, doc ?? ''] as const,
    )
  })
})

test('the options are found', () => {
  expect(members.length).toBeGreaterThan(60)
  expect(members.map(([name]) => name)).toContain('RunOptions.batchSize')
})

test.each(members)(
  '%s says what it is, its default or that it is required, and an example',
  (_, option, doc) => {
    expect(doc).toMatch(/Default: |Required/)
    expect(doc).toContain(`\`${option}: `)
  },
)
