import type {
  ChatView,
  AnswersComparisonView,
  AnswersView,
  AttentionView,
  CurvesView,
  ConfusionView,
  IterationView,
  JudgementsView,
  LensView,
  Mistake,
  MistakesView,
  RolloutsView,
  RunView,
  SamplesView,
  ScalingView,
  StudyView,
  TokenSlicesView,
} from '../../src/views.js'

/** A run whose loss falls from 2.3, with one spike, and evaluations every 125 iterations. */
export function runView(length = 1200, more: Partial<RunView> = {}): RunView {
  const range = (value: (i: number) => number) => Float32Array.from({ length }, (_, i) => value(i))
  const noise = (i: number) => ((i * 7919) % 101) / 101
  const loss = range((i) => 2.3 * Math.exp(-i / 150) + 0.15 + 0.2 * noise(i))
  const evaluations = []
  for (let iteration = 125; iteration <= length; iteration += 125)
    evaluations.push({
      iteration,
      loss: 2.3 * Math.exp(-iteration / 150) + 0.2,
      accuracy: 1 - 0.9 * Math.exp(-iteration / 160),
    })
  return {
    kind: 'run',
    name: 'first',
    live: false,
    iteration: length,
    from: 0,
    to: length,
    history: {
      length,
      iteration: Float64Array.from({ length }, (_, i) => i + 1),
      loss,
      learningRate: range((i) => (i < length * 0.6 ? 1e-3 : 3e-4)),
      gradientNorm: range((i) => 1 + noise(i * 3)),
      milliseconds: range(() => 4),
    },
    evaluations,
    adjustments: [],
    metrics: ['accuracy'],
    stopReason: null,
    milliseconds: length * 4,
    ...more,
  }
}

/** An image example of 8 x 8. */
export function mistake(i: number, more: Partial<Mistake> = {}): Mistake {
  return {
    id: 100 + i,
    split: 'train',
    input: {
      values: Float32Array.from({ length: 64 }, (_, p) => ((p * (i + 3)) % 17) / 16),
      shape: [8, 8, 1],
      picture: [8, 8, 1],
    },
    expected: String(i % 10),
    predicted: String((i * 3) % 10),
    loss: 8 - i * 0.25,
    probability: 0.9,
    ...more,
  }
}

export function mistakesView(count = 12, more: Partial<Mistake> = {}): MistakesView {
  return {
    kind: 'mistakes',
    of: 'train',
    by: 'loss',
    iteration: 400,
    examined: 8000,
    wrong: 312,
    rows: Array.from({ length: count }, (_, i) => mistake(i, more)),
  }
}

export const confusionView: ConfusionView = {
  kind: 'confusion',
  iteration: 400,
  split: 'validation',
  labels: ['cat', 'dog', 'fox'],
  counts: [
    [50, 3, 0],
    [1, 40, 4],
    [0, 2, 30],
  ],
}

export const iterationView: IterationView = {
  kind: 'iteration',
  iteration: 1,
  loss: 2.31,
  learningRate: 1e-3,
  gradientNorm: 1.9,
  examples: Array.from({ length: 4 }, (_, i) => mistake(i)),
  parameters: [
    { name: 'dense/kernel', shape: [64, 10], norm: 8.2, gradientNorm: 0.8, updateNorm: 0.01 },
    { name: 'dense/bias', shape: [10], norm: 0, gradientNorm: 0.4, updateNorm: 0.005 },
  ],
}

/** Views of a language model, with a text of one's own in each place that shows one. */
export const samplesView = (text = ' cat'): SamplesView => ({
  kind: 'samples',
  prompts: [text],
  rows: [
    { iteration: 100, loss: 2.5, texts: [text], words: 0.25 },
    { iteration: 200, loss: 2.1, texts: [`${text}${text}`], words: 0.5 },
  ],
})

/** A conversation, in which somebody said a text. */
export const chatView = (text = 'Hello!'): ChatView => ({
  kind: 'chat',
  live: false,
  system: text,
  turns: [
    { role: 'user', content: text },
    { role: text, content: text, branch: [1, 2], rating: 'down', end: 'stopped', left: 2 },
  ],
})

export const rolloutsView = (text = '46'): RolloutsView => ({
  kind: 'rollouts',
  prompt: text,
  rows: [
    {
      iteration: 1,
      answers: [
        { text, reward: 0 },
        { text: `${text}${text}`, reward: 1 },
      ],
    },
    {
      iteration: 10,
      answers: [
        { text, reward: 0.5 },
        { text: '', reward: 0 },
      ],
    },
  ],
})

export const curvesView = (text = 'margin'): CurvesView => ({
  kind: 'curves',
  title: text,
  notes: [text],
  panels: [
    {
      title: text,
      lines: [
        { name: text, heldOut: false, iterations: [1, 2, 3], values: [0, 0.5, 0.8] },
        { name: text, heldOut: true, iterations: [3], values: [0.6] },
      ],
    },
  ],
})

export const answersView = (text = ' cat'): AnswersView => ({
  kind: 'answers',
  name: text,
  samples: 2,
  count: 2,
  right: 0.25,
  from: 0.03,
  to: 0.75,
  slices: ['a', text].map((slice) => ({ slice, count: 1, right: 0.25, from: 0, to: 0.8 })),
  rows: ['1', text].map((id) => ({
    id,
    slice: text,
    refuse: false,
    question: text,
    expected: text,
    how: 'text',
    right: id === '1' ? 0.5 : 0,
    answers: [
      { text, right: id === '1' },
      { text: `${text} again`, right: false },
    ],
  })),
})

export const answersComparisonView = (text = ' cat'): AnswersComparisonView => ({
  kind: 'answersComparison',
  names: [text, 'after'],
  right: [0, 1],
  mended: 1,
  broken: 0,
  chance: 1,
  rows: [
    {
      id: text,
      question: text,
      expected: text,
      answers: [`the ${text} sat`, `the ${text} lay ${text}`],
      change: 'mended',
      same: false,
    },
  ],
})

export const judgementsView = (text = 'Anna'): JudgementsView => ({
  kind: 'judgements',
  count: 40,
  pairs: 20,
  people: [text, 'Ben'].map((name) => ({
    name,
    sittings: 2,
    judged: 20,
    bothBad: 1,
    written: 1,
    left: { count: 19, share: 0.9, from: 0.7, to: 0.97 },
    longer: { count: 19, share: 0.5, from: 0.3, to: 0.7 },
    again: { count: 10, same: 0.8, from: 0.5, to: 0.95, kappa: 0.6 },
  })),
  agreement: [{ people: [text, 'Ben'], count: 20, same: 0.7, from: 0.5, to: 0.85, kappa: 0.4 }],
})

export const studyView = (text = 'rate'): StudyView => ({
  kind: 'study',
  name: text,
  objectives: [{ name: text === 'rate' ? 'loss' : text, larger: false }],
  parameters: [
    { name: text, kind: 'logUniform', log: true },
    { name: 'units', kind: 'integer', log: false },
    { name: 'kind', kind: 'choice', log: false },
  ],
  trials: [0, 1, 2, 3].map((number) => ({
    number,
    state: (['complete', 'complete', 'pruned', 'failed'] as const)[number]!,
    parameters: { [text]: 10 ** -number, units: 8 + number, kind: number % 2 ? text : 'b' },
    values: number === 3 ? {} : { [text === 'rate' ? 'loss' : text]: 1 - number / 4 },
    best: number === 1,
    iteration: 20,
    milliseconds: 1500,
    ...(number === 3 && { message: text }),
    ...(number === 1 && { from: 0 }),
    reports: [5, 10, 15, 20].map((iteration) => ({
      iteration: iteration + (number === 1 ? 20 : 0),
      value: 2 - iteration / 20,
    })),
  })),
  running: false,
  importance: [
    { parameter: text, importance: 0.75 },
    { parameter: 'units', importance: 0.25 },
  ],
})

export const windowsView = (text = ' cat'): MistakesView => ({
  ...mistakesView(0),
  of: 'evaluation',
  rows: [0, 1].map((i) =>
    mistake(i, {
      input: { text },
      expected: text,
      predicted: text,
      tokens: [
        { token: text, loss: 2, best: [{ token: text, probability: 0.75 }] },
        { token: ' sat', loss: 0.5 + i, best: [{ token: ' ran', probability: 0.5 }] },
      ],
    }),
  ),
})

export const tokenSlicesView = (slice = 'space'): TokenSlicesView => ({
  kind: 'tokenSlices',
  count: 100,
  loss: 1.5,
  classes: [
    { slice, count: 40, loss: 1, from: 0.75, to: 1.25, share: 0.25 },
    { slice: 'punctuation', count: 60, loss: 2, from: 1.5, to: 2.5, share: 0.75 },
  ],
  frequencies: [{ slice: 'rare (3 different tokens)', count: 2, loss: 4, from: 0, to: 90, share: 0.25 }],
  positions: [
    { slice: '1', tokens: [1, 1], count: 50, loss: 2, from: 1, to: 3, share: 0.5 },
    { slice: '2', tokens: [2, 2], count: 50, loss: 1, from: 0.5, to: 1.5, share: 0.5 },
  ],
})

export const attentionView = (token = ' cat'): AttentionView => ({
  kind: 'attention',
  layer: 1,
  heads: [2],
  tokens: [token, 'b'],
  weights: [
    [
      [1, 0],
      [0.5, 0.5],
    ],
  ],
})

export const lensView = (token = ' cat'): LensView => ({
  kind: 'lens',
  tokens: [token, ' sat'],
  layers: ['embedding', 'layer 0'].map((name, layer) => ({
    name,
    places: [
      { best: [{ token: layer ? ' sat' : token, probability: 0.5 }], loss: 0.75 },
      { best: [{ token, probability: 0.25 }] },
    ],
  })),
})

export const scalingView = (of = 'parameters'): ScalingView => ({
  kind: 'scaling',
  of,
  E: 1,
  A: 10,
  alpha: 0.5,
  points: [
    { size: 100, loss: 2 },
    { size: 10_000, loss: 1.1 },
  ],
  curve: [
    { size: 100, loss: 2, from: 1.75, to: 2.25 },
    { size: 10_000, loss: 1.1, from: 1, to: 1.25 },
  ],
  predictions: [{ size: 1_000_000, loss: 1.01, from: 0.9, to: 1.125 }],
})
