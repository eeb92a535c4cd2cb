/** What the checker knows of a run: a slip is told before anything is trained, and what is right has no error. */
import { describe, expect, it, test } from 'vitest'
import { typeErrors } from '../kit/index.js'

/** The program of the design, whose names hold, with what it takes for granted. */
const design = `
import * as tf from '@tensorflow/tfjs'
import { train, loadRun, compare, digits, adam, cosine, targetReached, hardest, seed, plateau } from 'gradbook'

seed(1)
const data = await digits({ seed: 1, flat: true })
const model = tf.sequential({ layers: [tf.layers.dense({ units: 10, inputShape: [784], activation: 'softmax' })] })
const run = train(model, {
  data: data.train, evaluateOn: data.validation, batchSize: 64, seed: 1,
  loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'],
  optimizer: adam({ learningRate: 1e-3 }), schedule: cosine({ warmup: 100, over: 2000, to: 1e-4 }),
  clipNorm: 1, stop: targetReached('accuracy', 0.97), evaluateEvery: 125, name: 'first',
})
await run.iterate(200)
await run.rounds(5, { iterations: 100, subset: hardest(0.5), adjust: (evaluation, run) => {} })
const { loss, accuracy } = await run.evaluate()
const worst = await run.mistakes({ k: 16, of: 'train' })
run.set({ learningRate: 3e-4 }, { why: 'loss is flat' }); run.exclude([worst.rows[0].id])
await run.iterate(100); await run.undo()
const other = run.branch('hotter'); compare(run, other)
run.model; run.iteration; run.adjustments
run.stopReason?.kind
run.history.map((row) => row.loss)
run.evaluations.at(-1)?.accuracy
await run.save('runs/first')
const again = await loadRun('runs/first', { model, data: data.train, evaluateOn: data.validation })
const one = await run.iterate(1, { inspect: true })
one.predictions?.shape; one.gradients; one.updates
const batch = await run.nextBatch()
const { loss: value, losses, gradients } = await run.gradients(batch)
await run.apply(gradients)
const w = tf.variable(tf.scalar(0)), b = tf.variable(tf.scalar(0))
train({ parameters: { w, b }, loss: (batch) => batch.x.mul(w).add(b).sub(batch.y).square().mean() as tf.Scalar }, { data: data.train, batchSize: 32, optimizer: adam({ learningRate: 1e-2 }) })
const parameters = { g: { w }, d: { b } }
const gan = train({ parameters, optimizers: { g: adam({ learningRate: 1e-4 }), d: adam({ learningRate: 1e-4 }) }, iteration: async (batch, { optimizers }) => {
  const loss = optimizers.g.minimize(() => batch.x.mul(w).mean())
  return { loss, other: optimizers.d.minimize(() => batch.x.mul(b).mean()) }
} }, { data: data.train, batchSize: 32 })
`

/** Lines by what is wrong in them: the checker has this against them, and nothing against the others. */
const slips: { [what: string]: [code: string, says: RegExp][] } = {
  'names of metrics': [
    ['(await run.evaluate()).acuracy', /Property 'acuracy' does not exist/],
    ['(await run.evaluate(data.test)).acuracy', /Property 'acuracy' does not exist/],
    ['run.evaluations.at(-1)?.acuracy', /Property 'acuracy' does not exist/],
    ['run.evaluations.map((row) => row.acuracy)', /Property 'acuracy' does not exist/],
    ['run.looks[0].acuracy', /Property 'acuracy' does not exist/],
    ['(await run.iterate(1)).evaluation?.acuracy', /Property 'acuracy' does not exist/],
    ['(await run.until(plateau(), { atMost: 9 })).evaluation?.acuracy', /Property 'acuracy' does not exist/],
    [
      'await run.rounds(1, { iterations: 1, adjust: (evaluation) => evaluation.acuracy })',
      /Property 'acuracy' does not exist/,
    ],
    ['(await run.rounds(1, { iterations: 1 })).rows[0].after?.acuracy', /Property 'acuracy' does not exist/],
    ['(await other.evaluate()).acuracy', /Property 'acuracy' does not exist/],
    ['const wrong: string = (await run.evaluate()).accuracy', /'number' is not assignable to type 'string'/],
    ['(await gan.evaluate(data.test)).accuracy', /Property 'accuracy' does not exist/],
    [
      `const off = { name: 'off', larger: false, perExample: (y: tf.Tensor, p: tf.Tensor) => p.sub(y) } as const; (await train(model, { data: data.train, loss: 'huber', optimizer: adam({ learningRate: 1 }), metrics: [off, 'accuracy'] }).evaluate()).of`,
      /Property 'of' does not exist/,
    ],
    [
      `(await train(model, { data: data.train, loss: 'huber', optimizer: adam({ learningRate: 1 }), metrics: [{ name: 'mine', larger: true, perExample: (y, p) => p.sub(y) }] }).evaluate()).yours`,
      /Property 'yours' does not exist/,
    ],
    [
      `(await (await loadRun('first', { model, data: data.train, metrics: ['accuracy'] })).evaluate()).acuracy`,
      /Property 'acuracy' does not exist/,
    ],
  ],
  models: [
    ['run.model.predikt', /Property 'predikt' does not exist/],
    ['other.model.predikt', /Property 'predikt' does not exist/],
    ['again.model.predikt', /Property 'predikt' does not exist/],
    ['run.emaModel().predikt', /Property 'predikt' does not exist/],
    ['gan.model.parameters.g.v', /Property 'v' does not exist/],
    [
      'await run.rounds(1, { iterations: 1, adjust: (_, run) => run.model.predikt })',
      /Property 'predikt' does not exist/,
    ],
  ],
  'names of parameters': [
    ['(await line.gradients(batch)).gradients.v', /Property 'v' does not exist/],
    ['(await line.branch("x").gradients(batch)).gradients.v', /Property 'v' does not exist/],
    ['(await line.iterate(1, { inspect: true })).updates.v', /Property 'v' does not exist/],
    ['await line.apply({ v: w })', /'v' does not exist/],
    [`line.parameters.includes('v')`, /'"v"' is not assignable/],
  ],
  'columns of the history': [
    ['run.history.at(-1)!.los', /Property 'los' does not exist/],
    ['gan.history.at(-1)!.others', /Property 'others' does not exist/],
    ['gan.learningRates.h', /Property 'h' does not exist/],
  ],
  options: [
    [
      `train(model, { data: data.train, loss: 'huber', optimizer: adam({ learningRate: 1 }), batchsize: 3 })`,
      /'batchsize' does not exist|Did you mean.*'batchSize'/,
    ],
    [
      `train(model, { data: data.train, loss: 'huber', optimizer: adam({ learningRate: 1 }), batchSize: '3' })`,
      /'string' is not assignable to type 'number'/,
    ],
    [
      `train(model, { data: data.train, loss: 'huber', metrics: ['accuracy'] })`,
      /not assignable to parameter of type '.*ModelOptions/,
    ],
    [
      `train(model, { data: data.train, loss: 'huber', optimizer: adam({ learningRate: 1 }), metrics: [5] })`,
      /'number' is not assignable/,
    ],
    [`run.set({ learningrate: 1 })`, /'learningrate' does not exist/],
  ],
  'changes by rule': [
    [
      'await run.rounds(1, { iterations: 1, adjust: [{ when: plateau(), change: { learningRate: (rate) => rate.toUpperCase() } }] })',
      /'toUpperCase' does not exist on type 'number'/,
    ],
    [
      'await run.rounds(1, { iterations: 1, adjust: [{ when: plateau(), change: { learningRat: 1 } }] })',
      /'learningRat' does not exist/,
    ],
  ],
}

const more = `
const line = train({ parameters: { w, b }, loss: (batch) => batch.x.mul(w).add(b).mean() }, { data: data.train, optimizer: adam({ learningRate: 1e-2 }) })
const nested = train({ parameters: { deep: { w }, list: [b], model }, loss: (batch) => batch.x.mul(w).add(b).mean() }, { data: data.train, optimizer: adam({ learningRate: 1e-2 }) })
`

/** What has no error. */
const right = `
import { repeat, type ModelOptions, type Run } from 'gradbook'
run.model.predict(batch.x); other.model.add; again.model.layers; run.emaModel().layers.length
const sum: number = (await run.evaluate()).accuracy + (await again.evaluate()).accuracy + (await run.evaluate(data.test)).loss
const tensors: tf.Tensor[] = [(await line.gradients(batch)).gradients.w, (await line.iterate(1, { inspect: true })).updates.b]
const deep = (await nested.gradients(batch)).gradients
const places: tf.Tensor[] = [deep['deep/w'], deep['list/0'], deep['model/dense/kernel']]
await line.apply({ w: places[0] }); await line.apply({})
run.parameters.includes('dense/kernel'); line.parameters.includes('w')
const scaled = Object.fromEntries(Object.entries(gradients).map(([name, gradient]) => [name, gradient.mul(2)])); await run.apply(scaled)
const column: number = gan.history.at(-1)!.other + gan.history.at(-1)!.learningRate_d + gan.learningRates.g
const inline: number = (await train(model, { data: data.train, loss: 'huber', optimizer: adam({ learningRate: 1 }), metrics: [function off(y, p) { return p.sub(y.toFloat()).abs() }, 'accuracy', (y, p) => p.mul(y)] }).evaluate()).off
function mape(y: tf.Tensor, p: tf.Tensor) { return p.sub(y).div(y).abs() }
const own = train(model, { data: data.train, loss: 'huber', optimizer: adam({ learningRate: 1 }), metrics: [mape] })
const named: number = (await own.evaluate()).mape
const anywhere: string[] = ['accuracy']
const open: number = (await train(model, { data: data.train, loss: 'huber', optimizer: adam({ learningRate: 1 }), metrics: anywhere }).evaluate()).accuracy
await run.rounds(1, { iterations: 1, adjust: [{ when: plateau(), change: { learningRate: (rate) => rate / 2, batchSize: (size) => size * 2, freeze: /x/ } }] })
await gan.rounds(1, { iterations: 1, adjust: [{ when: plateau({ metric: 'loss' }), change: { learningRate: (rates) => ({ g: rates.g / 2 }) } }] })
const any = (one: Run) => [one.iteration, one.name, one.history.at(-1)?.loss, one.evaluations.at(-1)?.accuracy]
for (const one of [run, other, again, line, gan, nested]) any(one)
compare(run, line, gan)
const runs: Run[] = [run, gan]
const typed = async (one: Run<tf.LayersModel, 'accuracy'>) => one.model.layers.length + (await one.evaluate()).accuracy
await typed(run); await typed(run.branch('typed'))
const made: ReturnType<typeof train> = run
for (const one of [run, own, line, gan]) { await one.iterate(3); (await one.evaluate(data.test)).loss; one.set({ batchSize: 8 }); one.branch('next').name }
const either = Math.random() > 0.5 ? run : await loadRun('first', { model, data: data.train })
either.model.predict(batch.x); (await either.evaluate()).accuracy
const asGiven: ModelOptions = { data: data.train, loss: 'huber', optimizer: adam({ learningRate: 1 }), metrics: ['accuracy'] }
const typedBefore: number = (await train(model, asGiven).evaluate()).accuracy
const makeRun = (rate: number) => train(model, { data: data.train, loss: 'huber', metrics: ['accuracy', 'perplexity'], optimizer: adam({ learningRate: rate }) })
const rows = [await makeRun(1).evaluate(), ...makeRun(2).evaluations]; const most = Math.max(...rows.map((row) => row.accuracy / row.perplexity))
let current: Run = run; current = gan; current = line
const byName: { [name: string]: Run } = { run, gan }
await repeat([1, 2], async (seed) => run)
`

describe('with the types of a run', () => {
  const lines = Object.values(slips).flat()
  const checked = typeErrors([design, more, 'export {}', right].join('\n'))
  const wrong = [design, more].join('\n')
  const first = wrong.split('\n').length + 1
  const found = typeErrors([wrong, ...lines.map(([code]) => `{ ${code} }`)].join('\n'))

  it('the program of the design, and what else is right, has no error', async () => {
    expect(await checked).toEqual([])
  })

  for (const [what, some] of Object.entries(slips))
    describe(what, () => {
      test.each(some)('%s', async (code, says) => {
        const at = first + lines.findIndex(([line]) => line === code)
        const errors = (await found).filter(({ line }) => line === at)
        expect(errors.map(({ message }) => message)).toEqual([expect.stringMatching(says)])
      })
    })

  it('and nothing is said of other lines', async () => {
    expect((await found).filter(({ line }) => line < first)).toEqual([])
  })
})
