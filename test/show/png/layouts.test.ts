import { describe, expect, it } from 'vitest'
import { viewOf } from '../../../src/show/png/layouts.js'
import {
  confusionChart,
  lossChart,
  mistakesChart,
  show,
  statisticsChart,
  toBundle,
} from '../../../src/show/index.js'
import { confusionView, mistakesView, runView } from '../sample-views.js'
import { compile } from 'vega-lite'
import * as vega from 'vega'

const quiet: object = Object.fromEntries(
  ['level', 'error', 'warn', 'info', 'debug'].map((name) => [name, () => quiet]),
)
const schema = 'https://vega.github.io/schema/vega-lite/v5.json'

/** What is drawn, without what is there for screen readers and pointers. */
async function drawn(view: vega.View): Promise<string> {
  const svg = await view.toSVG()
  view.finalize()
  return svg
    .replaceAll(/ (?:aria-[a-z]+|role)="[^"]*"/g, '')
    .replaceAll(/clip\d+/g, 'clip')
    .replaceAll(/<\/?a\b[^>]*>/g, '')
}
const directly = (spec: object) =>
  new vega.View(vega.parse(compile(structuredClone(spec) as never, { logger: quiet as never }).spec), {
    renderer: 'none',
    logger: quiet as never,
  })

const specs: { [name: string]: () => object } = {
  'a run': () =>
    lossChart(
      runView(300, {
        adjustments: [{ at: 100, what: 'learningRate', from: 1, to: 2 }],
        mistakes: mistakesView(3),
      }),
    ),
  'a confusion matrix': () => confusionChart(confusionView),
  mistakes: () => mistakesChart(mistakesView(4))!,
  statistics: () =>
    statisticsChart(
      [
        { name: 'a', values: [1, 2, 2, 5] },
        { name: 'b', values: ['x', 'y', 'x', 'x'] },
      ],
      {},
    ),
  'side by side': () =>
    toBundle(show(confusionChart(confusionView), [{ a: 1 }]))!['application/vnd.vegalite.v5+json'] as object,
  "a user's chart with a title in lines, ticks at dates, and data by name": () => ({
    $schema: schema,
    title: { text: ['one', 'two'], subtitle: { expr: "'three'" } },
    datasets: {
      own: [
        { t: '2020-01-01', y: 1 },
        { t: '2021-01-01', y: 3 },
      ],
    },
    data: { name: 'own' },
    layer: [
      {
        mark: { type: 'line', tooltip: true },
        encoding: {
          x: { field: 't', type: 'temporal', axis: { values: [{ year: 2020 }, { year: 2021 }] } },
          y: { field: 'y', type: 'quantitative' },
          href: { value: 'https://example.org' },
        },
      },
      { data: { values: [1, 2, 3] }, mark: 'rule', encoding: { y: { field: 'data', type: 'quantitative' } } },
      { data: { values: [] }, mark: 'point', encoding: { y: { field: 'data', type: 'quantitative' } } },
    ],
  }),
}

describe('a chart compiled for a picture', () => {
  it('has bars from zero where the scale says from -5 to 10', async () => {
    const bars = () => ({
      $schema: schema,
      data: { values: [{ a: 3 }, { a: -2 }] },
      mark: 'bar',
      encoding: { y: { field: 'a', type: 'quantitative', scale: { domain: [-5, 10] } }, x: { field: 'a' } },
    })
    expect(await drawn(viewOf(bars(), quiet))).toBe(await drawn(directly(bars())))
  })

  for (const [name, make] of Object.entries(specs))
    it(`draws ${name} as the compiler has it, the first time and again`, async () => {
      const expected = await drawn(directly(make()))
      expect(await drawn(viewOf(make(), quiet))).toBe(expected)
      expect(await drawn(viewOf(make(), quiet))).toBe(expected)
    })

  it('takes data and title of each, where only these differ', async () => {
    const bars = (title: string, rows: object[]) => ({
      $schema: schema,
      title: { text: title },
      data: { values: rows },
      mark: 'bar',
      encoding: { y: { field: 'a' }, x: { field: 'b', type: 'quantitative' } },
    })
    const one = await drawn(viewOf(bars('first', [{ a: 'x', b: 1 }]), quiet))
    const two = await drawn(
      viewOf(
        bars('second', [
          { a: 'y', b: 2 },
          { a: 'z', b: 3 },
        ]),
        quiet,
      ),
    )
    expect(one).toContain('>first<')
    expect(two).toContain('>second<')
    expect(two).toContain('>z<')
    expect(two).not.toContain('>x<')
  })

  it('of a layout that another chart is just being drawn of has its own data and title', async () => {
    const run = (name: string, length: number) => lossChart(runView(length, { name }))
    const apart = [await drawn(directly(run('one "1"', 300))), await drawn(directly(run("two \\ '2'", 310)))]
    const together = ['one "1"', "two \\ '2'"].map((name, i) => drawn(viewOf(run(name, 300 + 10 * i), quiet)))
    expect(await Promise.all(together)).toEqual(apart)
  })
})
