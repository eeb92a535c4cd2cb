import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createRandom } from '../../../src/data/random.js'
import { byLoss, InputError, loadRun, seed, sgd, targetReached, train, type Run } from '../../../src/index.js'
import { long } from '../../kit/needs.js'
import { blobs, linearModel, silence, thorough, thoroughModel, weightsOf } from '../../kit/training.js'
import { temporaryFolder } from '../../kit/files.js'

const home = process.cwd()
const own = temporaryFolder()
/** Weights by iteration, of every place that the run on disk has been at. */
const stood = new Map<number, number[][]>()
const again = () => ({ model: thoroughModel(), data: blobs(), evaluateOn: blobs(16) })

let shown: any[]
beforeAll(async () => {
  silence()
  await tf.setBackend('cpu')
  process.env.GRADBOOK_RUNS = 'off'
  process.chdir(own)
  seed(1)
  const model = thoroughModel()
  const run = train(model, {
    ...thorough(),
    stop: targetReached('accuracy', 2),
    accumulate: 2,
    ema: 0.9,
    name: 'whole',
  })
  const save = async () => {
    await run.save('whole')
    stood.set(run.iteration, weightsOf(model))
  }
  await run.iterate(10)
  await save()
  run.exclude([4, 9])
  run.reweight([7], 3)
  run.relabel(11, 0)
  run.set({ dropout: 0.2 }, { why: 'to see' })
  run.keep('good one')
  await run.rounds(1, { iterations: 5, subset: byLoss() })
  await save()
  await run.evaluate(blobs(8))
  await run.iterate(5)
  await save()
  await run.iterate(5)
  await run.undo()
  // Older snapshots of the run as it stood, as a folder has them that was written as the run went.
  await run.save('whole')
})
beforeEach(() => ({ shown } = silence()))
afterAll(() => {
  process.chdir(home)
})

const snapshotsOf = (folder: string) =>
  readdirSync(join(folder, 'snapshots')).map((name) => join(folder, 'snapshots', name))

/** A file without its checksum, as they were before they had one, and with what `change` makes of its header. */
function rewrite(path: string, change: (header: any) => unknown = () => {}): void {
  const bytes = readFileSync(path)
  const length = Number(bytes.readBigUInt64LE())
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString())
  delete header.__metadata__.crc32
  header.__metadata__.format = 'gradbook.snapshot/1'
  change(header)
  const text = Buffer.from(JSON.stringify(header))
  const start = Buffer.alloc(8)
  start.writeBigUInt64LE(BigInt(text.length))
  writeFileSync(path, Buffer.concat([start, text, bytes.subarray(8 + length)]))
}

interface Dice {
  below(n: number): number
  of<T>(list: readonly T[]): T
}
function diceOf(key: number): Dice {
  const random = createRandom(key)
  const below = (n: number) => Math.floor(random.next() * n)
  return { below, of: (list) => list[below(list.length)]! }
}

const odd = [
  null,
  true,
  -1,
  0,
  1.5,
  1e300,
  2 ** 53,
  '',
  'x',
  '../../..',
  '__proto__',
  'constructor',
  [],
  [1],
  {},
  { a: 1 },
]

/** Puts something odd in some place of a JSON value. */
function spoil(value: any, dice: Dice): void {
  const keys = Object.keys(value)
  if (keys.length === 0) return
  const key = dice.of(keys)
  if (typeof value[key] === 'object' && value[key] !== null && dice.below(4) > 0)
    return spoil(value[key], dice)
  if (dice.below(5) === 0) {
    if (Array.isArray(value)) value.splice(Number(key), 1)
    else delete value[key]
  } else value[key] = dice.of(odd)
}

/** What may become of any file. */
const accidents: [string, (path: string, dice: Dice) => void][] = [
  ['cut off', (path, dice) => truncateSync(path, dice.below(readFileSync(path).length))],
  ['one bit flipped', (path, dice) => flip(path, dice, 1)],
  ['many bits flipped', (path, dice) => flip(path, dice, 60)],
  [
    'a block of zeros',
    (path, dice) => {
      const bytes = readFileSync(path)
      const from = dice.below(bytes.length)
      writeFileSync(path, bytes.fill(0, from, Math.min(bytes.length, from + 512)))
    },
  ],
  ['nothing in it', (path) => writeFileSync(path, '')],
  [
    'other bytes',
    (path, dice) =>
      writeFileSync(
        path,
        Uint8Array.from({ length: 300 }, () => dice.below(256)),
      ),
  ],
  ['more after its end', (path) => writeFileSync(path, 'more', { flag: 'a' })],
  ['a folder in its place', (path) => (rmSync(path), mkdirSync(path))],
  ['a link to itself', (path) => (rmSync(path), symlinkSync(basename(path), path))],
  ['a link to nothing', (path) => (rmSync(path), symlinkSync('nowhere', path))],
  ['gone', (path) => rmSync(path)],
]

function flip(path: string, dice: Dice, count: number): void {
  const bytes = readFileSync(path)
  for (let i = 0; i < count; i++) bytes[dice.below(bytes.length)]! ^= 1 << dice.below(8)
  writeFileSync(path, bytes)
}

const strays = [
  'snapshots/00000015-kept-%E0%A4%A.safetensors',
  'snapshots/00000099.safetensors',
  'snapshots/99999999999999999999.safetensors',
  'snapshots/00000015-undo-99999999999999999999.safetensors',
  'snapshots/00000020-redo-0.safetensors',
  'snapshots/.DS_Store',
  'snapshots/00000015.safetensors.123.tmp',
  'lock-7.json',
  'lock-1.json.12-ab.tmp',
  'run.json.77.tmp',
  '-kept-%E0%A4%A',
]

/** Loads the run; what it is, or the error, which has to be one of input that names the folder. */
async function open(folder: string): Promise<{ run: Run; model: tf.LayersModel } | undefined> {
  const rest = again()
  try {
    return { run: await loadRun(folder, rest), model: rest.model }
  } catch (error) {
    if (!(error instanceof InputError) || !error.message.includes(folder)) throw error
    return undefined
  }
}

/** Goes on with it, as far as it can be gone: what cannot be done is said, and nothing else happens. */
async function goOn(run: Run): Promise<void> {
  for (const step of [
    () => run.iterate(2),
    () => run.undo(),
    () => run.undo(),
    () => run.redo(),
    () => run.goTo('good one'),
    () => run.evaluate(),
    () => run.mistakes(),
  ])
    try {
      await step()
    } catch (error) {
      if (!(error instanceof InputError)) throw error
    }
  run.view()
}

const count = long ? 600 : 60

describe('a run’s folder that is damaged', () => {
  test(`is opened with the values it had, or refused by an error that names the file: ${count} of ${count}`, async () => {
    let opened = 0
    for (let number = 0; number < count; number++) {
      const dice = diceOf(number)
      const folder = `damaged-${number}`
      cpSync('whole', folder, { recursive: true })
      const done: string[] = []
      for (let times = 1 + dice.below(2); times > 0; times--) {
        const files = [...snapshotsOf(folder), join(folder, 'run.json'), join(folder, 'events.jsonl')]
        const path = dice.below(3) === 0 ? join(folder, 'run.json') : dice.of(files)
        const [what, damage] = dice.of(accidents)
        if (done.some((one) => one.startsWith(path))) continue
        damage(path, dice)
        done.push(`${path}: ${what}`)
      }
      if (dice.below(3) === 0) {
        const stray = join(folder, dice.of(strays))
        done.push(stray)
        if (dice.below(2)) mkdirSync(stray, { recursive: true })
        else writeFileSync(stray, dice.of(['', 'x', '{}']))
      }
      try {
        const found = await open(folder)
        if (found) {
          opened++
          const { run, model } = found
          expect([...stood.keys()]).toContain(run.iteration)
          expect(weightsOf(model)).toEqual(stood.get(run.iteration))
          await goOn(run)
        }
      } catch (error) {
        throw new Error(`${done.join('; ')}: ${(error as Error).stack}`, { cause: error })
      }
      rmSync(folder, { recursive: true, force: true })
    }
    expect(opened).toBeGreaterThan(count / 5)
  }, 600_000)

  test(`of a time without checksums, changed by a stranger, is opened or refused, and goes on or says why not: ${count} of ${count}`, async () => {
    let opened = 0
    for (let number = 0; number < count; number++) {
      const dice = diceOf(1_000_000 + number)
      const folder = `changed-${number}`
      cpSync('whole', folder, { recursive: true })
      const run = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8'))
      const kind = dice.below(6)
      for (const path of snapshotsOf(folder)) {
        rewrite(path, (header) => {
          if (kind === 0) spoil(header, dice)
          if (kind < 2) return
          const rest = JSON.parse(header.__metadata__.run)
          for (let times = 1 + dice.below(3); times > 0; times--) spoil(rest, dice)
          header.__metadata__.run = JSON.stringify(rest)
        })
      }
      if (kind === 1) {
        spoil(run, dice)
        writeFileSync(join(folder, 'run.json'), JSON.stringify(run))
      }
      try {
        const found = await open(folder)
        if (found) {
          opened++
          await goOn(found.run)
        }
      } catch (error) {
        throw new Error(`folder ${number}: ${(error as Error).stack}`, { cause: error })
      }
      rmSync(folder, { recursive: true, force: true })
    }
    expect(opened).toBeGreaterThan(count / 20)
  }, 600_000)

  test('with any one bit of the newest snapshot flipped, the one before it is used, and that is said', async () => {
    const dice = diceOf(7)
    const { snapshot } = JSON.parse(readFileSync('whole/run.json', 'utf8'))
    for (let i = 0; i < 40; i++) {
      cpSync('whole', 'flipped', { recursive: true })
      const path = join('flipped/snapshots', snapshot)
      const bytes = readFileSync(path)
      // Values make most of the file; the places that say what is checked come first.
      const at = i < 20 ? 8 + 4 * i : dice.below(bytes.length)
      bytes[at]! ^= 1 << dice.below(8)
      writeFileSync(path, bytes)
      const found = await open('flipped')
      expect(found!.run.iteration).toBeLessThan(20)
      expect(shown.at(-1)['text/plain']).toMatch(/reading flipped.snapshots.*The snapshot before it/)
      rmSync('flipped', { recursive: true })
    }
  })

  test.runIf(process.platform !== 'win32')(
    'with a pipe in place of a file does not wait for somebody to write to it',
    async () => {
      for (const name of ['run.json', 'events.jsonl', 'lock-1.json', 'snapshots/00000020.safetensors']) {
        cpSync('whole', 'piped', { recursive: true })
        rmSync(join('piped', name), { force: true })
        expect(spawnSync('mkfifo', [join('piped', name)]).status).toBe(0)
        process.env.GRADBOOK_RUNS = 'runs'
        const found = await open('piped')
        process.env.GRADBOOK_RUNS = 'off'
        if (found) await goOn(found.run)
        rmSync('piped', { recursive: true })
      }
    },
  )

  test('of a version before checksums, locks and numbers that are not finite opens as it was', async () => {
    cpSync(fileURLToPath(new URL('fixtures/old-run', import.meta.url)), 'old', { recursive: true })
    const x = Float32Array.from({ length: 12 }, (_, i) => i / 12)
    const data = { x, y: x.map((value) => 2 * value + 1) }
    const { model, w, b } = linearModel()
    process.env.GRADBOOK_RUNS = 'runs'
    const run = await loadRun('old', { model, data, evaluateOn: data })
    process.env.GRADBOOK_RUNS = 'off'
    // What the version that wrote it came to at iteration 20, and then at 23.
    expect([run.name, run.iteration, run.history.length]).toEqual(['old', 20, 20])
    expect([w.dataSync()[0], b.dataSync()[0]]).toEqual([1.5255393981933594, 1.5266731977462769])
    expect(run.points).toContainEqual({ iteration: 10, name: 'good one' })
    await run.iterate(3)
    expect([w.dataSync()[0], b.dataSync()[0]]).toEqual([1.6065951585769653, 1.5867681503295898])
  })
})

test('what is not finite comes back as it was, from every place that numbers are in', async () => {
  const numbers = [Infinity, -Infinity, NaN, -0]

  const metrics = numbers.map((value, i) => ({
    name: `m${i}`,
    larger: true,
    perExample: (expected: tf.Tensor) => tf.fill([expected.shape[0]!], value),
  }))
  seed(1)
  const layers = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] })
  const run = train(layers, {
    data: { x: tf.tensor2d([[1], [2]]), y: tf.tensor2d([[1], [2]]) },
    evaluateOn: { x: tf.tensor2d([[1e30], [1e30]]), y: tf.tensor2d([[1], [2]]) },
    loss: 'meanSquaredError',
    optimizer: sgd({ learningRate: 1e-3 }),
    metrics,
    seed: 1,
  })
  await run.iterate(1)
  const row = await run.evaluate()
  expect(row.loss).toBe(Infinity)
  expect(Number.isNaN(row.m2)).toBe(true)
  await run.evaluate({ x: tf.tensor2d([[1e30]]), y: tf.tensor2d([[1]]) })
  await run.save('not-finite')
  const loaded = await loadRun('not-finite', {
    model: tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] }),
    data: { x: tf.tensor2d([[1], [2]]), y: tf.tensor2d([[1], [2]]) },
    evaluateOn: { x: tf.tensor2d([[1e30], [1e30]]), y: tf.tensor2d([[1], [2]]) },
    metrics,
    save: false,
  })
  expect(loaded.evaluations).toEqual(run.evaluations)
  expect(loaded.looks).toEqual(run.looks)
  const events = readFileSync('not-finite/events.jsonl', 'utf8').trim().split('\n')
  // As others can read it: JSON has no such numbers.
  expect(events.map((line) => JSON.parse(line)).find(({ type }) => type === 'evaluation')).toMatchObject({
    loss: 'Infinity',
    m2: 'NaN',
  })
})
