/** The examples that completion and Shift-Tab show: each public function has one, and TypeScript has nothing against it. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as gradbook from '../../src/index.js'
import * as backend from '../../src/backend/index.js'
import * as data from '../../src/data/index.js'
import * as show from '../../src/show/index.js'
import * as sweeps from '../../src/sweep/index.js'
import * as text from '../../src/text/index.js'
import * as widgets from '../../src/widgets/index.js'
import { typeErrors } from '../kit/index.js'

const root = join(import.meta.dirname, '../..')
const doors = {
  gradbook,
  'gradbook/backend': backend,
  'gradbook/data': data,
  'gradbook/show': show,
  'gradbook/sweep': sweeps,
  'gradbook/text': text,
}

interface Documented {
  name: string
  file: string
  doc: string
}

/** The functions that files of src/ export, with the comment before each. */
const documented: Documented[] = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('generated.ts'))
  .flatMap((file) => {
    const source = readFileSync(join(root, 'src', file), 'utf8')
    const found = source.matchAll(
      /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:\/\/.*\s*)?)?^export (?:async )?(?:function\*?|const) (\w+)/gm,
    )
    return [...found].map(([, doc = '', name]) => ({ name: name!, file, doc }))
  })

const isPublic = ({ name }: Documented) =>
  Object.values(doors).some((door) => typeof (door as { [name: string]: unknown })[name] === 'function')

/** An example in code: behind `@example`, on lines set in, or between backticks. */
const hasExample = (doc: string) => /@example|\n \* {5}\S|`[^`]*[({][^`]*`/.test(doc)

describe('a public function says how it is called:', () => {
  // Of several signatures one says it.
  const docs = new Map<string, string[]>()
  for (const { name, doc } of documented.filter(isPublic)) docs.set(name, [...(docs.get(name) ?? []), doc])

  it('the functions are found', () => expect(docs.size).toBeGreaterThan(100))

  it.each([...docs])('%s', (_, found) => {
    expect(found.some(hasExample)).toBe(true)
  })
})

/** What examples take for granted. */
const given = `
const data = await digits({ seed: 1 })
const makeModel = () => tf.sequential({ layers: [tf.layers.dense({ units: 10, inputShape: [784] })] })
const model = makeModel()
const run = train(model, { data: data.train, loss: 'meanSquaredError', optimizer: adam({ learningRate: 1e-3 }) })
const other = run.branch('other')
const [x, y, weights] = [new Float32Array(4), new Float32Array(4), new Float32Array(4)]
const rows = [weights, weights, weights]
const [a, b] = [IntSlider(), IntSlider()]
const value: unknown = undefined
`

it('the examples are TypeScript that has no errors', async () => {
  const names = new Map(
    Object.entries({ ...doors, 'gradbook/widgets': widgets })
      .toReversed()
      .flatMap(([door, exported]) => Object.keys(exported).map((name) => [name, door] as const)),
  )
  // A word may mean one thing for the data of a run and another for the space of a study.
  const others = Object.keys(sweeps).filter((name) => names.get(name) !== 'gradbook/sweep')
  const imports = [...names].map(([name, door]) => `import { ${name} } from '${door}'`)
  const examples = documented.filter(isPublic).flatMap(({ name, file, doc }) =>
    doc
      .split('@example')
      .slice(1)
      .map((code) => {
        const text = code.replaceAll('\n *', '\n').replaceAll('{ … }', '{}')
        const own = file.startsWith('sweep') ? `const { ${others.join(', ')} } = sweeps\n` : ''
        return `// ${name}, ${file}\nvoid (async () => { ${own}${text} })`
      }),
  )
  expect(examples.length).toBeGreaterThan(80)
  const program = [
    `import * as tf from '@tensorflow/tfjs'`,
    `import * as sweeps from 'gradbook/sweep'`,
    ...imports,
    given,
    ...examples,
  ].join('\n')
  expect(await typeErrors(program)).toEqual([])
})
