import { afterAll, describe, expect, test } from 'vitest'
import { session } from './session.js'

const notebook = session()
afterAll(() => notebook.language.close())
const texts = async (text: string) => (await notebook.complete(text)).items.map((item) => item.text)

test('names of other cells, of this cell and of the language', async () => {
  await notebook.check('const learningRate = 0.1; class Learner {}; const rates = { first: 1, second: "a" }')
  expect(await texts('lear|')).toEqual(expect.arrayContaining(['learningRate', 'Learner']))
  expect(await texts('function f(leaf: number) { return lea| }')).toEqual(
    expect.arrayContaining(['leaf', 'learningRate']),
  )
  expect(await texts('awa|')).toContain('await')
})
test('members, and what they replace', async () => {
  const { start, end, items } = await notebook.complete('1 + rates.se|con')
  expect([start, end, items.map(({ text }) => text)]).toEqual([10, 15, ['second']])
})
test('kinds and signatures, as front ends show them', async () => {
  const { items } = await notebook.complete('"a".toUpp|')
  expect(items[0]).toMatchObject({
    text: 'toUpperCase',
    type: 'method',
    signature: expect.stringContaining('(): string'),
  })
  expect((await notebook.complete('Lear|')).items.find(({ text }) => text === 'Learner')).toMatchObject({
    type: 'class',
  })
})
test('all members of a short list with their types and documentation', async () => {
  await notebook.check(
    'class Point {\n  /** From the left. */\n  x = 1; label = "p"; move(by: number) { this.x += by } }; const point = new Point()',
  )
  const { items } = await notebook.complete('point.|')
  expect(items.map(({ text, signature }) => [text, signature])).toEqual([
    ['label', 'Point.label: string'],
    ['move', 'Point.move(by: number): void'],
    ['x', 'Point.x: number'],
  ])
  expect(items[2]?.documentation).toBe('From the left.')
})
test('object keys and what literals may be', async () => {
  await notebook.check(
    'type Options = { kind: "adam" | "sgd"; learningRate?: number }; const make = (o: Options) => o',
  )
  expect(await texts('make({ |')).toEqual(expect.arrayContaining(['kind', 'learningRate']))
  expect(await texts('make({ kind: "|')).toEqual(['adam', 'sgd'])
})
test('packages, built-in modules and files', async () => {
  expect(await texts('import "@tensor|')).toContain('@tensorflow/tfjs')
  expect(await texts('import * as aq from "arq|')).toContain('arquero')
  expect(await texts('import fs from "node:f|')).toContain('node:fs')
})
test('imported names', async () =>
  expect(await texts('import { readFileS| } from "node:fs"')).toContain('readFileSync'))
test('a class that is made is a class, and names with an underscore come last', async () => {
  expect((await notebook.complete('new Lear|')).items[0]).toMatchObject({ text: 'Learner', type: 'class' })
  const types = await texts('let x: |')
  expect(types.indexOf('_Blob')).toBeGreaterThan(types.indexOf('WritableStream'))
})
test('%npm lines complete as what they are', async () => {
  expect(await texts('%|')).toEqual(['npm'])
  expect(await texts('// first\n%npm ins|')).toEqual(['install'])
  expect(await texts('%npm install lear|')).toEqual([])
  expect(await texts('1 %lear|')).toContain('learningRate')
})
test('unfinished cells complete too', async () =>
  expect(await texts('for (const r of Object.values(rates)) {\n  if (r) {\n    rates.fi|')).toEqual([
    'first',
  ]))
test('nothing of our own is offered', async () =>
  expect((await texts('_|')).filter((name) => /^__.*__$/.test(name) && name !== '__dirname')).toEqual([]))
test('a syntax error before does not stop completion', async () =>
  expect(await texts('const = 3\nrates.fi|')).toEqual(['first']))

test('inspection gives the declaration, the documentation and the expression', async () => {
  await notebook.check(
    '/**\n * Adds one.\n * @param n a number\n */\nfunction addOne(n: number): number { return n + 1 }\nconst model = { add: addOne }',
  )
  expect(await notebook.inspect('addOn|e(3)')).toMatchObject({
    signature: 'function addOne(n: number): number',
    documentation: expect.stringContaining('Adds one.'),
    expression: 'addOne',
  })
  expect(await notebook.inspect('model.ad|d(3)')).toMatchObject({
    expression: 'model.add',
    signature: expect.stringContaining('add'),
  })
})
test('names that every cell has are documented; links lead nowhere on this machine', async () => {
  expect((await notebook.inspect('displ|ay'))?.documentation).toContain('under the running cell')
  await notebook.check('/** As {@link Learner} does. */\nfunction learn() {}')
  expect((await notebook.inspect('lea|rn()'))?.documentation).toBe('As Learner does.')
})
test('inspection behind a name, and inside the brackets of a call', async () => {
  expect(await notebook.inspect('addOne|')).toMatchObject({ expression: 'addOne' })
  expect(await notebook.inspect('addOne(|)')).toMatchObject({ signature: expect.stringContaining('addOne') })
  expect(await notebook.inspect('addOne(12|)')).toMatchObject({
    signature: expect.stringContaining('addOne'),
  })
})
test('brackets in strings and comments are none, and the innermost call counts', async () => {
  const signature = async (text: string) => (await notebook.inspect(text))?.signature
  expect(await signature('addOne("a (b", /* ( */ |')).toContain('addOne')
  expect(await signature('console.log(`(${addOne(|')).toContain('addOne')
  expect(await signature('addOne([1, { a: 2 }].length, |')).toContain('addOne')
  expect(await signature('addOne(1); |')).toBeUndefined()
})
test('a key of an object literal is described, and is no expression', async () => {
  await notebook.check(
    'interface Settings {\n  /** How much. */\n  amount: number\n}\nfunction use(s: Settings) { return s }; const amount = 1',
  )
  const found = await notebook.inspect('use({ amou|nt: 3 })')
  expect(found).toMatchObject({ documentation: 'How much.', signature: '(property) Settings.amount: number' })
  expect(found?.expression).toBeUndefined()
})
test('inspection of what is not there', async () => expect(await notebook.inspect('  | ')).toBeUndefined())
test('no expression where a call would have to run', async () =>
  expect((await notebook.inspect('[1].map(String).len|gth'))?.expression).toBeUndefined())

test('of a name that nobody declared nothing is said, of one that is any its declaration', async () => {
  const { check, inspect, language: own } = session()
  await check('let whatever: any = 1')
  expect(await inspect('nobodyDeclared|This')).toBeUndefined()
  expect((await inspect('what|ever'))?.signature).toBe('let whatever: any')
  await own.close()
})

describe('what train takes', () => {
  const before = `import * as tf from '@tensorflow/tfjs'
import { adam, train } from 'gradbook'
const data = { x: [1, 2], y: [1, 2] }
const w = tf.variable(tf.scalar(1))
const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] })
`
  const completed = async (text: string) => texts(before + text)

  test('options complete beside a model of layers, with its loss, and beside one of your own, without', async () => {
    expect(await completed('train(model, { data, | })')).toEqual(
      expect.arrayContaining(['batchSize', 'loss', 'optimizer', 'schedule']),
    )
    const own = await completed('train({ parameters: { w }, loss: ({ x }) => x.mul(w).mean() }, { data, | })')
    expect(own).toEqual(expect.arrayContaining(['batchSize', 'optimizer']))
    expect(own).not.toContain('loss')
    expect(await completed('train({ parameters: { w }, | }, { data })')).toEqual(
      expect.arrayContaining(['loss', 'predict', 'iteration', 'optimizers']),
    )
    expect(await completed('train({ parameters: { w }, loss: (batch) => batch.| }, { data })')).toEqual(
      expect.arrayContaining(['x', 'y', 'ids', 'iteration', 'training']),
    )
  })

  test('a mistake is told where it is, with what it should be', async () => {
    const wrong = async (text: string) => {
      const problems = await notebook.language.check({ number: 1000, text: before + text })
      return problems.map(({ message }) => message).join('\n')
    }
    expect(
      await wrong("train(model, { data, loss: 'huber', optimiser: adam({ learningRate: 0.1 }) })"),
    ).toMatch(/'optimiser' does not exist in type 'ModelOptions\b.*Did you mean to write 'optimizer'/)
    expect(await wrong("train(model, { data, loss: 'huber' })")).toMatch(/'optimizer' is missing/)
    expect(await wrong('train({ parameters: { w }, los: () => tf.scalar(1) }, { data })')).toMatch(
      /'los' does not exist/,
    )
  })
})
