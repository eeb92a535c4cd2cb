import { readFileSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs'
import { describe, expect, it } from 'vitest'
import { adamw, train } from '../../src/index.js'
import { byteTokenizer, gpt, windows, type Gpt, type GptOptions } from '../../src/text/index.js'
import { causalMask, documentMask } from '../../src/text/parts/layers.js'

const end = '<|endoftext|>'
const tokenizer = byteTokenizer({ special: [end] })
const base = { vocabulary: tokenizer.size, context: 32, layers: 2, heads: 2, width: 16, seed: 1 } as const
const forms: { [name: string]: GptOptions } = {
  'learned positions': base,
  'rotary positions': { ...base, positions: 'rotary', keyValueHeads: 1, norm: 'rms' },
  'a sliding window': { ...base, positions: 'rotary', window: [5, 32] },
}

/** Larger values than at the start, so that what a token looks at matters. */
function spread(model: Gpt): Gpt {
  const visit = (tree: unknown): void => {
    if (tree instanceof tf.Variable) tf.tidy(() => tree.assign(tree.mul(tree.rank === 2 ? 8 : 1)))
    else for (const child of Object.values(tree as object)) visit(child)
  }
  visit(model.parameters)
  return model
}

/** The sum of the losses of a document's tokens, alone in a row. */
function alone(model: Gpt, ids: Int32Array): number {
  if (ids.length < 2) return 0
  return tf.tidy(() => {
    const x = tf.tensor2d(ids.slice(0, -1), [1, ids.length - 1], 'int32')
    const y = tf.tensor2d(ids.slice(1), [1, ids.length - 1], 'int32')
    return model.loss({ x, y }).loss.dataSync()[0]! * (ids.length - 1)
  })
}

describe('documents that are packed apart', () => {
  const parts = ['alpha beta', 'x', 'gamma delta epsilon', 'the end', 'of it all, so']
  const documents = Array.from({ length: 80 }, (_, i) => `${parts[i % 5]} ${i}`)

  it.each(Object.keys(forms))('have the losses that each has alone (%s)', (form) => {
    const model = spread(gpt(forms[form]!))
    const { train: set } = windows(documents, tokenizer, { context: 32, packing: 'apart' })
    const places = [0, 7, 20, 51]
    for (const place of places) {
      const { x: row, y, begins } = set.valuesAt(place)
      // The parts of documents that are in this window, each as if it were alone.
      const inWindow: number[][] = []
      for (let at = 0; at < 32; at++) {
        if (begins![at] === at) inWindow.push([])
        inWindow.at(-1)!.push(row[at]!)
        if (at === 31 && y[31]! >= 0) inWindow.at(-1)!.push(y[31]!)
      }
      const expected = inWindow.reduce((sum, ids) => sum + alone(model, Int32Array.from(ids)), 0)
      const count = y.filter((id) => id >= 0).length
      const found = tf.tidy(() => {
        const batch = set.at([place])
        return model.loss(batch).perExample.dataSync()[0]! * count
      })
      // Sums of 30 float32 losses.
      expect(Math.abs(found - expected)).toBeLessThan(1e-4)
      expect(inWindow.length).toBeGreaterThan(1)
    }
    model.dispose()
  })

  it('are attended to as by PyTorch with a block mask', () => {
    const { begins, out } = JSON.parse(readFileSync('test/text/fixtures/packing-reference.json', 'utf8'))
    const values = (f: (at: number) => number, scale: number) =>
      tf.tensor4d(
        Float32Array.from({ length: 24 }, (_, i) => f(i * scale)),
        [1, 1, 6, 4],
      )
    const found = tf.tidy(() => {
      const scores = tf.matMul(values(Math.sin, 0.7).mul(3), values(Math.cos, 1.3).mul(3), false, true)
      const mask = tf
        .tensor4d(causalMask(6), [1, 1, 6, 6])
        .add(documentMask(tf.tensor2d(begins, [1, 6], 'int32')))
      return tf.matMul(tf.softmax(scores.div(2).add(mask)), values(Math.sin, 2.1)).dataSync()
    })
    // float32 against float64.
    for (const [i, value] of found.entries()) expect(Math.abs(value - out[i])).toBeLessThan(3e-6)
  })

  it('cross no border: neither the tokens nor the gradients of one reach another', () => {
    const model = spread(gpt(base))
    const { train: set } = windows(documents, tokenizer, { context: 24, packing: 'apart' })
    const { x, begins: places } = set.valuesAt(0)
    const row = (tokens: ArrayLike<number>) => tf.tensor2d(Int32Array.from(tokens), [1, 24], 'int32')
    const begins = row(places!)
    const logits = (tokens: ArrayLike<number>) =>
      tf.tidy(() => model.logits(row(tokens), { begins }).dataSync().slice())
    const first = logits(x)
    const border = places!.findIndex((begin) => begin > 0)
    const changed = x.slice()
    changed.fill(7, 0, border)
    const second = logits(changed)
    const { vocabulary } = base
    expect(second.subarray(border * vocabulary)).toEqual(first.subarray(border * vocabulary))
    expect(second.subarray(0, border * vocabulary)).not.toEqual(first.subarray(0, border * vocabulary))
    model.dispose()
  })

  it('train as one graph, and without a loss at borders', async () => {
    const sets = windows(
      Array.from({ length: 60 }, (_, i) => documents[i % 5]!),
      tokenizer,
      {
        context: 16,
        packing: 'apart',
        split: 0.7,
      },
    )
    const model = gpt({ ...base, context: 16 })
    const run = train(model, {
      data: sets.train,
      evaluateOn: sets.validation,
      batchSize: 8,
      seed: 1,
      optimizer: adamw({ learningRate: 3e-3 }),
      save: false,
    })
    const before = (await run.evaluate()).loss
    await run.iterate(30)
    expect((await run.evaluate()).loss).toBeLessThan(before - 0.3)
    const one = await run.iterate(1, { inspect: true })
    const y = one.batch.y as tf.Tensor
    expect(y.dataSync().some((id) => id === -1)).toBe(true)
    const mistakes = await run.mistakes({ k: 3 })
    expect(mistakes.rows.length).toBe(3)
    // What is looked at is what is evaluated: the same losses, token by token.
    const { loss } = await run.evaluate()
    const slices = await model.tokenSlices(tokenizer, sets.validation, { windows: sets.validation.length })
    let sum = 0
    let count = 0
    for (let at = 0; at < sets.validation.length; at++) {
      const learned = sets.validation.valuesAt(at).y.filter((id) => id >= 0).length
      const [row] = tf.tidy(() => [model.loss(sets.validation.at([at])).perExample.dataSync()[0]!])
      sum += row! * learned
      count += learned
    }
    expect(slices.count).toBe(count)
    expect(slices.loss).toBeCloseTo(sum / count, 4)
    expect(Math.abs(loss - slices.loss)).toBeLessThan(0.3)
    const worst = mistakes.rows[0]! as { loss: number; tokens?: { loss: number }[] }
    if (worst.tokens)
      expect(worst.tokens.reduce((all, one) => all + one.loss, 0) / worst.tokens.length).toBeCloseTo(
        worst.loss,
        3,
      )
  })

  it('have a start of their own in no window of plain packing', () => {
    const { train: set } = windows(documents, tokenizer, { context: 8 })
    expect([set.x.shape, set.fields]).toEqual([[8], undefined])
    expect(set.valuesAt(3).y.every((id) => id >= 0)).toBe(true)
    expect(() => windows(documents, tokenizer, { context: 8, packing: 'tight' as never })).toThrow(
      /'plain' or 'apart'/,
    )
  })
})

describe('documents that are packed whole', () => {
  const documents = Array.from({ length: 2500 }, (_, i) => `${'lorem ipsum '.repeat(i % 4)}${i * 7919}`)
  const sets = windows(documents, tokenizer, { context: 32, split: 0.9, packing: 'whole', seed: 3 })

  it('are each in one row, uncut, and learned once from their first token to their end', () => {
    const learned: number[][] = []
    let filled = 0
    for (const set of [sets.train, sets.validation])
      for (let position = 0; position < set.length; position++) {
        const { x, y, begins } = set.valuesAt(position)
        for (let at = 0; at < 32; at++) {
          if (y[at] === -1) {
            // Behind the last document: nobody's place looks at itself alone.
            expect([x[at], begins![at]]).toEqual([0, at])
            continue
          }
          filled++
          if (begins![at] === at) learned.push([x[at]!])
          learned.at(-1)!.push(y[at]!)
          if (begins![at] !== at) expect(x[at]).toBe(y[at - 1])
        }
      }
    const texts = learned.map((ids) => tokenizer.decode(Int32Array.from(ids)))
    // Those that a row has no room for go on in others: 12 x 3 letters and four digits or more, and the end.
    const whole = documents.filter((text) => text.length + 1 <= 33)
    expect(texts.filter((text) => text.endsWith(end)).length).toBe(documents.length)
    const found = new Set(texts)
    expect(whole.every((text) => found.has(text + end))).toBe(true)
    expect(whole.length).toBeGreaterThan(1200)
    // Best fit wastes little: of plain rows of the same documents 3 % more would be needed at most.
    expect(filled / (32 * (sets.train.length + sets.validation.length))).toBeGreaterThan(0.9)
  })

  it('have the losses that each has alone', () => {
    const model = spread(gpt(base))
    for (const place of [0, 17, sets.train.length - 1]) {
      const { x: row, y, begins } = sets.train.valuesAt(place)
      const inRow: number[][] = []
      for (let at = 0; at < 32; at++) {
        if (y[at] === -1) continue
        if (begins![at] === at) inRow.push([row[at]!])
        inRow.at(-1)!.push(y[at]!)
      }
      const expected = inRow.reduce((sum, ids) => sum + alone(model, Int32Array.from(ids)), 0)
      const count = y.filter((id) => id >= 0).length
      const found = tf.tidy(() => model.loss(sets.train.at([place])).perExample.dataSync()[0]! * count)
      expect(Math.abs(found - expected)).toBeLessThan(1e-4)
    }
    model.dispose()
  })

  it('are read as text without what fills a row up', () => {
    const { x, y } = sets.validation.textAt(sets.validation.length - 1)
    expect(x + y).toMatch(/\d+<\|endoftext\|>$/)
    expect(sets.train.digest()).not.toBe(
      windows(documents, tokenizer, { context: 32, packing: 'apart', seed: 3 }).train.digest(),
    )
  })

  it('train as one graph, with undo and mistakes', async () => {
    const run = train(gpt(base), {
      data: sets.train,
      evaluateOn: sets.validation,
      batchSize: 8,
      seed: 1,
      optimizer: adamw({ learningRate: 3e-3 }),
      save: false,
    })
    const before = (await run.evaluate()).loss
    await run.iterate(30)
    expect((await run.evaluate()).loss).toBeLessThan(before - 0.5)
    expect((await run.mistakes({ k: 3 })).rows.length).toBe(3)
    await run.undo()
    expect(run.iteration).toBe(0)
  })

  it('are several, and take no step', () => {
    expect(() => windows('one text', tokenizer, { context: 2, packing: 'whole' })).toThrow(/a single text/)
    expect(() => windows(documents, tokenizer, { context: 2, packing: 'whole', step: 2 })).toThrow(
      /each document is in one row/,
    )
  })
})
