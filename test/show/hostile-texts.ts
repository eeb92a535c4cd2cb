import * as aq from 'arquero'
import {
  attentionChart,
  decisionChart,
  histogramChart,
  percentileChart,
  scatterChart,
  show,
  statisticsChart,
  tokenStrip,
} from '../../src/show/index.js'
import {
  attentionView,
  chatView,
  confusionView,
  iterationView,
  lensView,
  mistake,
  mistakesView,
  runView,
  rolloutsView,
  answersComparisonView,
  answersView,
  judgementsView,
  samplesView,
  curvesView,
  scalingView,
  studyView,
  tokenSlicesView,
  windowsView,
} from './sample-views.js'

/** Strings as a data set from the web may hold them. */
export const hostile: { [what: string]: string } = {
  'an image that runs a script': '<img src=x onerror="globalThis.pwned=1">',
  'the end of a script': '</script><script>globalThis.pwned=1</script>',
  'an expression': '"];globalThis.pwned=1;[" \\" \' ${1} datum.x',
  'codes of a terminal': '\u001b[2J\u001b]0;title\u0007\u001b[31mred\u009b1m',
  'marks that turn the direction': 'safe\u202eexe.txt\u2066\u200f',
  'control characters': 'a\u0000b\u0008\u007f\r\nc',
  'half a character': 'x\ud800y',
  'a megabyte': 'x'.repeat(1_000_000),
  'a megabyte of codes': '\u001b[31m'.repeat(200_000),
  'the name of a prototype': '__proto__',
  nothing: '',
}

/** Every display with the text in each place where data or a model can put one. */
export const displays: { [what: string]: (text: string) => unknown } = {
  run: (text) =>
    runView(50, {
      name: text,
      metrics: [text],
      evaluations: [
        { iteration: 10, loss: 1, [text]: 0.5 },
        { iteration: 20, loss: 1, [text]: 0.6 },
      ],
      adjustments: [{ at: 10, what: text, from: text, to: { [text]: text }, why: text }],
      stopReason: { kind: 'target', iteration: 50, message: text },
      beside: [{ ...runView(20), name: text }],
    }),
  'live run': (text) => runView(50, { live: true, name: text, to: 100 }),
  examples: (text) => ({ kind: 'examples', title: text, rows: [mistake(0, { expected: text })] }),
  'examples of text': (text) => ({
    kind: 'examples',
    title: text,
    rows: [mistake(0, { expected: text, input: { text } })],
  }),
  mistakes: (text) => ({ ...mistakesView(3, { expected: text, predicted: text }), by: text }),
  'mistakes of text': (text) => mistakesView(3, { expected: text, predicted: text, input: { text } }),
  confusion: (text) => ({ ...confusionView, labels: [text, `${text}2`, 'fox'] }),
  iteration: (text) => ({
    ...iterationView,
    examples: [mistake(0, { expected: text, predicted: text })],
    parameters: [{ name: text, shape: [2], norm: 1, gradientNorm: 1, updateNorm: 0.1 }],
    activations: [{ layer: text, activation: text, dead: 0.1, saturated: 0 }],
  }),
  stretch: (text) => ({
    kind: 'stretch',
    run: text,
    from: 0,
    to: 5,
    loss: 1,
    milliseconds: 5,
    evaluation: { iteration: 5, loss: 1, [text]: 2 },
    stopReason: { kind: 'target', iteration: 5, message: text },
  }),
  rounds: (text) => ({
    kind: 'rounds',
    run: text,
    stopReason: { kind: 'target', iteration: 5, message: text },
    rows: [
      {
        round: 1,
        subset: text,
        from: 0,
        to: 5,
        after: { iteration: 5, loss: 1, [text]: 1 },
        adjustments: [{ at: 1, what: text, from: text, to: text }],
      },
    ],
  }),
  comparison: (text) => ({
    kind: 'comparison',
    runs: [text, 'b'],
    rows: [{ what: text, values: [text, text] }],
  }),
  'comparison with charts': (text) => ({
    kind: 'comparison',
    runs: [text, 'b'],
    rows: [{ what: text, values: [text, text] }],
    charts: [
      { ...runView(20), name: text },
      { ...runView(20), name: 'b' },
    ],
  }),
  table: (text) => [
    { [text]: text, other: 1 },
    { [text]: text, other: 2 },
  ],
  adjustments: (text) => [{ at: 10, what: text, from: text, to: { [text]: text }, why: text }],
  looks: (text) => [1, 2].map((iteration) => ({ iteration, data: text, split: 'test', ema: false, loss: 1 })),
  'values in a table': (text) => aq.table({ [text]: [{ [text]: text }, [text], new Map([[text, text]])] }),
  samples: samplesView,
  conversation: chatView,
  'answers with rewards': rolloutsView,
  curves: curvesView,
  answers: answersView,
  'answers compared': answersComparisonView,
  judgements: judgementsView,
  'mistakes of windows': windowsView,
  'token slices': tokenSlicesView,
  'attention of a model': attentionView,
  lens: lensView,
  'scaling law': scalingView,
  study: studyView,
  tokens: (text) => tokenStrip([{ token: text, loss: 1 }], { title: text }),
  scatter: (text) => scatterChart([{ x: 0, y: 1, label: text }], { title: text }),
  'decision boundary': (text) =>
    decisionChart(
      {
        xs: [0, 1],
        ys: [0, 1],
        classes: [
          [0, 0],
          [0, 0],
        ],
      },
      { labels: [text], points: [{ x: 0, y: 0, class: 0 }], axes: [text, text], title: text },
    ),
  attention: (text) =>
    attentionChart(
      [
        [
          [1, 0],
          [0.5, 0.5],
        ],
      ],
      [text, text],
      { title: text },
    ),
  statistics: (text) =>
    statisticsChart(
      [
        { name: text, values: [text, 'b'] },
        { name: text, values: [1, 2] },
      ],
      { title: text },
    ),
  distribution: (text) => histogramChart([{ iteration: 1, values: [1, 2] }], { title: text, of: text }),
  percentiles: (text) => percentileChart([{ iteration: 1, values: [1, 2] }], { title: text, of: text }),
  model: (text) => ({
    name: text,
    layers: [{ name: text, outputShape: [null, 3], getClassName: () => text, countParams: () => 3 }],
    summary: () => {},
    predict: () => {},
  }),
  'a tensor of text': (text) => ({ shape: [1], dtype: 'string', dataSync: () => [text] }),
  'side by side': (text) => show([{ a: text }, { a: text }], runView(10, { name: text })),
  'runs side by side': (text) =>
    show(
      runView(30, { name: text, adjustments: [{ at: 10, what: text, from: text, to: text }] }),
      runView(10),
    ),
  'tables side by side': (text) =>
    show([{ a: text }, { a: text }], { kind: 'comparison', runs: [text], rows: [] }),
}
