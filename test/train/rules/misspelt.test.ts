import * as tf from '@tensorflow/tfjs'
import { beforeEach, expect, test } from 'vitest'
import * as gradbook from '../../../src/index.js'
import { blobs, classifier, silence } from '../../kit/training.js'

const {
  any,
  all,
  byLoss,
  cosine,
  curriculum,
  diverged,
  piecewise,
  plateau,
  rates,
  timeSpent,
  unlike,
  where,
} = gradbook as any

beforeEach(() => {
  silence()
  gradbook.seed(1)
})

function start(more: object = {}): any {
  return gradbook.train(classifier(), {
    data: blobs(),
    evaluateOn: blobs(16),
    loss: 'sparseCategoricalCrossentropy',
    batchSize: 8,
    seed: 1,
    optimizer: gradbook.adam({ learningRate: 0.02 }),
    ...more,
  })
}

const optimizer = gradbook.adam({ learningRate: 0.02 })
const plain = () => ({ x: [[1, 2]], y: [0] })
const yes = (y: number[]) => ({ data: { x: y.map((_, i) => [i, 1]), y }, evaluateOn: undefined })
const single = (activation?: 'softmax') =>
  tf.sequential({
    layers: [tf.layers.dense({ units: 1, inputShape: [2], ...(activation && { activation }) })],
  })
const places = () =>
  tf.sequential({
    layers: [
      tf.layers.reshape({ targetShape: [2, 1], inputShape: [2] }),
      tf.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  })

/** What was meant, what was written, and what the message says. */
const values: [string, () => unknown, RegExp][] = [
  ['plateau', () => plateau({ pacience: 3 }), /'pacience'.*Did you mean 'patience'/],
  ['plateau of a metric', () => plateau('accuracy'), /'accuracy'.*\{ metric, patience, minDelta \}/],
  ['timeSpent', () => timeSpent({ minute: 3 }), /Did you mean 'minutes'/],
  ['diverged', () => diverged({ times: 3 }), /'times'.*'factor'/],
  ['any', () => any(), /no rules/],
  ['all', () => all(), /no rules/],
  ['byLoss', () => byLoss({ temp: 1 }), /'temp'.*'temperature'/],
  ['curriculum', () => curriculum({ form: 0.2 }), /Did you mean 'from'/],
  ['unlike', () => unlike(0), /0.*at least 1/],
  ['where', () => where('7'), /'7'.*function of the example/],
  ['cosine', () => cosine(), /undefined.*\{ over, warmup, to \}/],
  ['cosine, misspelt', () => cosine({ over: 9, warmpu: 3 }), /'warmpu'.*Did you mean 'warmup'/],
  ['cosine without an end', () => cosine({}), /cosine\.over.*undefined.*at least 1/],
  [
    'oneCycle of one',
    () => (gradbook as any).oneCycle({ over: 1 }),
    /oneCycle\.over.*1\. Expected at least 2/,
  ],
  ['piecewise', () => piecewise([{ from: 5 }]), /both of \{ from, times \}/],
  ['warmUp', () => (gradbook as any).warmUp({ over: 5, after: 1 }), /'after'.*'before'/],
  ['warmUp before nothing', () => (gradbook as any).warmUp({ over: 5, before: 5 }), /5.*a schedule/],
  ['data without examples', () => start({ data: { x: [], y: [] } }), /no examples in data/],
  ['data without targets', () => start({ data: { x: blobs().x } }), /no targets in data/],
  ['rates', () => rates(cosine({ over: 5 }), {}), /both/],
  ['rates of nothing', () => rates('cosine', { peak: 1, over: 5 }), /'cosine'.*a schedule/],
  ['a loss as Keras has it for short', () => start({ loss: 'mse' }), /nearest first: 'meanSquaredError'/],
  ['a loss of PyTorch', () => start({ loss: 'CrossEntropyLoss' }), /first: 'sparseCategoricalCrossentropy'/],
  ['an option of fit', () => start({ epochs: 5 }), /'epochs'.*run\.epochs\(5\)/],
  ['an option that is like no other', () => start({ zzzzzzzzzz: 5 }), /'zzzzzzzzzz'(?!.*Did you mean)/],
  ['the rate among the options', () => start({ lr: 0.1 }), /adam\(\{ learningRate/],
  ['the rate of an optimizer', () => gradbook.adam({ lr: 0.1 } as any), /'lr' is learningRate here/],
  ['a change of the rate', () => start().set({ lr: 0.1 }), /Did you mean 'learningRate'/],
  [
    'splits in place of data',
    () => start({ data: { train: gradbook.fromArrays(plain()) } }),
    /data: data\.train/,
  ],
  [
    'yes or no that goes to 2',
    () => gradbook.train(single(), { ...yes([0, 1, 2]), loss: 'binaryCrossentropy', optimizer }),
    /2 in y \(example 2/,
  ],
  [
    'counts below 0',
    () => gradbook.train(single(), { ...yes([0, 1, -1]), loss: 'poisson', optimizer }),
    /-1 in y.*values of 0 or more/,
  ],
  [
    'softmax over one unit',
    () => gradbook.train(single('softmax'), { ...yes([0, 1, 1]), loss: 'binaryCrossentropy', optimizer }),
    /always 1.*'sigmoid'/,
  ],
  [
    'places where one answer is meant',
    () => gradbook.train(places(), { ...yes([0, 1, 1]), loss: 'sparseCategoricalCrossentropy', optimizer }),
    /outputs are \[2, 3\].*flatten\(\)/,
  ],
  ['freeze at the start', () => start({ freeze: /./ }), /matches every parameter/],
  ['freeze by name', () => start({ freeze: ['dense_9/kernel'] }), /'dense_9\/kernel'.*'dense_1\/kernel'/],
  ['freeze by pattern', () => start({ freeze: /conv/ }), /matches no parameter.*'dense_1\/kernel'/],
]

test.each(values)('%s that does not fit is refused where it is made', (_name, make, message) => {
  expect(make).toThrow(gradbook.InputError)
  expect(make).toThrow(message)
})

const calls: [string, (run: any) => unknown, RegExp][] = [
  ['iterate', (run) => run.iterate(1, { inspekt: true }), /Did you mean 'inspect'/],
  ['iterate, its signal', (run) => run.iterate(1, { signal: 5 }), /5.*AbortSignal/],
  ['a metric', () => start({ metrics: [() => 5] }).evaluate(), /received 5.*each example/],
  ['evaluate', (run) => run.evaluate(blobs(16), { eam: true }), /'eam'.*'ema'/],
  ['epochs', (run) => run.epochs(1, { signall: 1 }), /'signall'/],
  ['until', (run) => run.until(plateau(), { atmost: 5 }), /Did you mean 'atMost'/],
  ['until, its rule not called', (run) => run.until(plateau, { atMost: 3 }), /plateau/],
  ['until, a promise', (run) => run.until(async () => false, { atMost: 3 }), /a Promise/],
  ['start', (run) => run.start(5), /5.*\{ iterations, signal \}/],
  ['start, by name', (run) => run.start({ iteration: 5 }), /Did you mean 'iterations'/],
  ['rounds', (run) => run.rounds(1, { iterations: 1, subsets: 1 }), /Did you mean 'subset'/],
  ['rounds, adjust', (run) => run.rounds(1, { iterations: 1, adjust: 5 }), /rows \{ when/],
  [
    'rounds, a row of adjust',
    (run) => run.rounds(1, { iterations: 1, adjust: [{ when: plateau(), changes: {} }] }),
    /Did you mean 'change'/,
  ],
  [
    'rounds, what a row changes',
    (run) => run.rounds(1, { iterations: 1, adjust: [{ when: plateau(), change: { learningrate: 1 } }] }),
    /Did you mean 'learningRate'/,
  ],
  [
    'rounds, the metric of a row',
    (run) =>
      run.rounds(1, { iterations: 1, adjust: [{ when: plateau({ metric: 'accuracy' }), change: {} }] }),
    /metrics: \['accuracy'\]/,
  ],
  ['set, why', (run) => run.set({ learningRate: 1 }, 'flat'), /'flat'.*\{ why \}/],
  ['exclude, a text', (run) => run.exclude('5'), /'5'.*a list of ids/],
  ['exclude, nothing', (run) => run.exclude(), /undefined.*a list of ids/],
  [
    'exclude, rows',
    async (run) => run.exclude((await run.mistakes({ of: 'train' })).rows),
    /rows\.map\(\(\{ id \}\) => id\)/,
  ],
  ['relabel, no class', (run) => run.relabel(1, 7), /7.*from 0 to 1/],
  ['relabel, half a class', (run) => run.relabel(1, 0.5), /0.5.*from 0 to 1/],
  ['mistakes', (run) => run.mistakes({ off: 'train' }), /Did you mean 'of'/],
  ['slices', (run) => run.slices(), /undefined.*a function of the example/],
  ['calibration', (run) => run.calibration({ bins: 0 }), /0.*at least 1/],
  ['findLearningRate', (run) => run.findLearningRate({ from: 1, to: 0.1 }), /rates from 1 to 0.1.*grow/],
  ['findLearningRate, too short', (run) => run.findLearningRate({ iterations: 1 }), /1 iterations/],
  ['branch', (run) => run.branch('../elsewhere'), /'..\/elsewhere'.*names a folder/],
  ['keep', (run) => run.keep(5), /5.*a name/],
  ['replay', (run) => run.replay([{ at: 1, what: 'learningrate', to: 1 }]), /Did you mean 'learningRate'/],
  ['save', (run) => run.save('x', { override: true }), /'override'.*'overwrite'/],
  ['exportCsv', (run) => run.exportCsv(), /undefined.*a path/],
]

test.each(calls)(
  '%s that does not fit is refused, and the run stays as it is',
  async (_name, call, message) => {
    const run = start()
    await run.iterate(2)
    const work = async () => call(run)
    await expect(work()).rejects.toThrow(gradbook.InputError)
    await expect(work()).rejects.toThrow(message)
    expect(run.state).toBe('idle')
    expect(run.adjustments).toEqual([])
  },
)

test('a pattern with the flag g freezes and groups as one without', async () => {
  const values = (run: any): number[] => run.model.getWeights().map((one: any) => one.dataSync()[0])
  const groups = [{ parameters: /bias|kernel/g, learningRate: 1e-12 }]
  for (const more of [{ freeze: /bias/g }, { optimizer: gradbook.adamw({ learningRate: 1, groups }) }]) {
    const run = start({ evaluateOn: undefined, ...more })
    const before = values(run)
    await run.iterate(3)
    const moved = values(run).map((value, i) => Math.abs(value - before[i]!) > 1e-6)
    expect(moved).toEqual('freeze' in more ? [true, false, true, false] : [false, false, false, false])
  }
})

test('loadRun without a model, or with an option that it does not know', async () => {
  await expect((gradbook as any).loadRun('first')).rejects.toThrow(/undefined.*the model/)
  await expect((gradbook as any).loadRun('first', { modell: 1 })).rejects.toThrow("Did you mean 'model'")
})

test('repeat without something to repeat', async () => {
  await expect((gradbook as any).repeat([1, 2])).rejects.toThrow(/undefined.*\(seed\) =>/)
})

test('a name of an older version does what it did, and says once what it is called now', async () => {
  const { shown } = silence()
  const { settings } = plateau({ atLeast: 0.1 })
  expect(settings).toEqual(plateau({ minDelta: 0.1 }).settings)
  plateau({ atLeast: 0.2 })
  expect(shown).toEqual([{ 'text/plain': "plateau(settings): 'atLeast' is called 'minDelta' now." }])
  expect(() => plateau({ atLeast: 0.1, minDelta: 0.1 })).toThrow(/'minDelta' alone/)
})
