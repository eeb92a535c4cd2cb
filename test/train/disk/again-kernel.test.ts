import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { error, startKernel, text } from '../../kit/index.js'
import { temporaryFolder } from '../../kit/files.js'

const cells = {
  imports: `import * as tf from '@tensorflow/tfjs'; import { sgd, train } from 'gradbook'`,
  run: `const x = tf.linspace(-1, 1, 32).reshape([32, 1])
const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] })
const run = train(model, { data: { x, y: x.mul(2) }, batchSize: 8, seed: 1, loss: 'meanSquaredError', optimizer: sgd({ learningRate: 0.1 }), name: 'first' })
await run.iterate(4)`,
  branch: `const other = run.branch('other'); await other.iterate(2)`,
  say: `[run.name, run.folder, other.name, other.parent?.name].join(' ')`,
}

test('Run All twice in a notebook ends with the same names, and what was trained before is kept aside', async () => {
  const folder = temporaryFolder()
  const { GRADBOOK_RUNS: _, ...env } = process.env
  await using kernel = await startKernel({ folder, env })
  const runAll = async (ids: boolean) => {
    const said: string[] = []
    for (const [id, source] of Object.entries(cells)) {
      const { outputs } = await kernel.run(source, ids ? { metadata: { cellId: id } } : {})
      expect(error(outputs)).toBeUndefined()
      said.push(text(outputs))
    }
    return said
  }
  const names = `first ${join('runs', 'first')} other first`
  const first = await runAll(true)
  expect(first.at(-1)).toContain(names)
  const second = await runAll(true)
  expect(second.at(-1)).toContain(names)
  expect(second[1]).toMatch(/This cell has run again: the run 'first' is made anew/)
  expect(readdirSync(join(folder, 'runs')).toSorted()).toEqual(['first', 'other'])
  expect(readdirSync(join(folder, '.gradbook', 'runs'))).toHaveLength(2)
  // A front end that gives its cells no ids: the runs of those that had some stay, then the text says which is which.
  const names2 = `first-2 ${join('runs', 'first-2')} other-2 first-2`
  expect((await runAll(false)).at(-1)).toContain(names2)
  expect((await runAll(false)).at(-1)).toContain(names2)
  const { outputs } = await kernel.run('await run.save()')
  expect(error(outputs)).toBeUndefined()
  const file = join(folder, 'runs', 'first', 'run.json')
  expect(existsSync(file) && JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
    name: 'first',
    iteration: 4,
  })
})
