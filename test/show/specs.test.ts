import { crc32, inflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import * as vega from 'vega'
import { compile } from 'vega-lite'
import {
  attentionChart,
  calibrationChart,
  confusionChart,
  decisionChart,
  examplesChart,
  histogramChart,
  iterationChart,
  lensChart,
  lossChart,
  mistakesChart,
  modelChart,
  percentileChart,
  scalingChart,
  studyChart,
  scatterChart,
  scheduleChart,
  show,
  statisticsChart,
  toBundle,
  tokenSlicesChart,
  tokenStrip,
} from '../../src/show/index.js'
import type { Spec } from '../../src/show/spec.js'
import {
  confusionView,
  iterationView,
  lensView,
  mistake,
  mistakesView,
  runView,
  scalingView,
  studyView,
  tokenSlicesView,
  windowsView,
} from './sample-views.js'

const adjustments = [
  { at: 20, what: 'learningRate', from: 1e-3, to: 3e-4 },
  { at: 30, what: 'exclude', from: 8000, to: { ids: [1, 2], left: 7998 } },
]
const rows = [0, 1, 2].map((i) => ({ iteration: i * 10, values: [i, i + 1, i + 2, i + 5] }))

/** Every chart, of as little data as shows all of its parts. */
const charts: { [name: string]: Spec } = {
  loss: lossChart(runView(40, { adjustments, evaluations: [{ iteration: 20, loss: 1, accuracy: 0.5 }] })),
  branches: lossChart(runView(20, { beside: [{ ...runView(12), name: 'hotter' }] })),
  examples: examplesChart({ kind: 'examples', title: 'Two', rows: [mistake(0), mistake(1)] })!,
  mistakes: mistakesChart(mistakesView(2))!,
  confusion: confusionChart(confusionView),
  iteration: iterationChart({
    ...iterationView,
    activations: [{ layer: 'dense', activation: 'relu', dead: 0.1, saturated: 0 }],
  }),
  comparison: toBundle({
    kind: 'comparison',
    runs: ['first', 'hotter'],
    rows: [{ what: 'learning rate', values: [1e-3, 3e-3] }],
    charts: [runView(10), { ...runView(10), name: 'hotter' }],
  })!['application/vnd.vegalite.v5+json'] as Spec,
  'side by side': toBundle(
    show(
      scheduleChart((i) => i, { over: 3 }),
      [{ a: 1 }, { a: 2 }],
    ),
  )!['application/vnd.vegalite.v5+json'] as Spec,
  attention: attentionChart(
    [
      [
        [1, 0],
        [0.5, 0.5],
      ],
      [
        [1, 0],
        [0.1, 0.9],
      ],
    ],
    ['a', 'b'],
  ),
  calibration: calibrationChart([
    { probability: 0.9, right: true },
    { probability: 0.4, right: false },
  ]),
  decision: decisionChart(
    {
      xs: [0, 1],
      ys: [0, 1],
      classes: [
        [0, 1],
        [0, 1],
      ],
      confidence: [
        [1, 0.5],
        [1, 0.5],
      ],
    },
    { labels: ['no', 'yes'], points: [{ x: 0.5, y: 0.5, class: 1 }] },
  ),
  histogram: histogramChart(rows),
  percentiles: percentileChart(rows),
  model: modelChart([
    { name: 'flatten', type: 'Flatten', shape: [784], parameters: 0, trainable: true },
    { name: 'dense', type: 'Dense', shape: [10], parameters: 7850, trainable: false },
  ]),
  scatter: scatterChart(
    [
      { x: 0, y: 1, label: 'a', id: 7 },
      { x: 1, y: 0, label: 'b', id: 8 },
    ],
    { title: 'Points' },
  ),
  schedule: scheduleChart((i) => i, { over: 4 }),
  statistics: statisticsChart([
    { name: 'size', values: [1, 2, 2, 5] },
    { name: 'kind', values: ['a', 'b', 'a', 'a'] },
  ]),
  windows: mistakesChart(windowsView())!,
  lens: lensChart(lensView()),
  'token slices': tokenSlicesChart(tokenSlicesView()),
  scaling: scalingChart(scalingView()),
  study: studyChart(studyView()),
  tokens: tokenStrip([
    { token: 'a', loss: 0.5 },
    { token: ' b\n', loss: 2 },
  ]),
}

/** A spec as it is compared: pictures by their pixels, since every zlib packs them otherwise. */
const told = (spec: Spec): string =>
  JSON.stringify({ ...spec, config: '(look.ts)' }, null, 1).replaceAll(
    /data:image\/png;base64,([\w+/=]+)/g,
    (_, base64: string) => `(picture ${pixelsOf(Buffer.from(base64, 'base64'))})`,
  )

/** The size of a PNG, and a checksum of its rows. */
function pixelsOf(png: Buffer): string {
  const parts: Buffer[] = []
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at))
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)))
  const rows = inflateSync(Buffer.concat(parts))
  return `${png.readUInt32BE(16)} x ${png.readUInt32BE(20)}, ${crc32(rows).toString(16)}`
}

describe.each(Object.entries(charts))('the chart %s', (name, spec) => {
  it('is the one that was looked at', async () => {
    await expect(`${told(spec)}\n`).toMatchFileSnapshot(`fixtures/${name.replaceAll(' ', '-')}.json`)
  })

  it('is drawn by Vega without a warning', async () => {
    const said: string[] = []
    const say = (...words: unknown[]) => {
      said.push(words.join(' '))
      return logger
    }
    const quiet = () => logger
    const logger = { level: quiet, error: say, warn: say, info: quiet, debug: quiet } as never
    const view = new vega.View(vega.parse(compile(spec as never, { logger }).spec), {
      renderer: 'none',
      logger,
    })
    const svg = await view.toSVG()
    view.finalize()
    // There is no window here to drag over.
    expect(said.filter((line) => !line.startsWith('Can not resolve event source'))).toEqual([])
    expect(svg).not.toMatch(/NaN|undefined/)
  })
})
