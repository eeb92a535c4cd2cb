import * as tf from '@tensorflow/tfjs'
import { describe, expect, it } from 'vitest'
import { charTokenizer, windows } from '../../src/text/index.js'

const text = 'abcdefghijklmnopqrstuvwxyz0123456789'
const tokenizer = charTokenizer(text)
const { train, validation } = windows(text.repeat(10), tokenizer, { context: 8, split: 0.9 })

describe('windows of a text', () => {
  it('to train on are all that there are', () => {
    expect(train.length).toBe(324 - 8)
    const { x, y, ids } = train.at([0, 5, 315])
    expect(x.arraySync()).toEqual(
      [0, 5, 315].map((at) => [...tokenizer.encode(text.repeat(10).slice(at, at + 8))]),
    )
    expect(y.arraySync()).toEqual(
      [0, 5, 315].map((at) => [...tokenizer.encode(text.repeat(10).slice(at + 1, at + 9))]),
    )
    expect(ids).toEqual([0, 5, 315])
    tf.dispose([x, y])
  })

  it('to evaluate on do not overlap, and have ids of their own', () => {
    expect(validation.length).toBe(Math.floor(35 / 8))
    expect(validation.textAt(1)).toEqual({ x: text.slice(8, 16), y: text[16] })
    expect(train.splitOf(validation.ids[0]!)).toBe('validation')
    expect(validation.positionOf(validation.ids[2]!)).toBe(2)
    expect(validation.positionOf(3)).toBeUndefined()
  })

  it('never cut a character', () => {
    const smiles = '🙂'.repeat(41)
    const parts = windows(smiles, charTokenizer(smiles), { context: 2, split: 0.5 })
    expect(parts.train.tokens.length + parts.validation.tokens.length).toBe(41)
  })

  it('that are too long for the text are refused', () => {
    expect(() => windows(text, tokenizer, { context: 8 })).toThrow(
      /4 tokens in the part for validation.*at least 9/,
    )
    expect(() => windows(text, tokenizer, { context: 8, split: 90 })).toThrow(/between 0 and 1/)
  })
})
