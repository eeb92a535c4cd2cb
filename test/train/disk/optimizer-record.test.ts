import * as tf from '@tensorflow/tfjs'
import { describe, expect, it } from 'vitest'
import { accumulate, adamw, ema, muon, type Optimizer } from '../../../src/backend/index.js'
import { optimizerFrom } from '../../../src/train/rules/optimizer-record.js'

/** What an optimizer makes of a matrix and a vector. */
const updated = (optimizer: Optimizer) =>
  tf.tidy(() =>
    (['embedding', 'hidden', 'bias'] as const).map((name) => {
      const value = name === 'bias' ? tf.ones([2]) : tf.tensor2d([1, 2, 3, 4], [2, 2])
      const gradient = tf.onesLike(value)
      const slots = optimizer.init(value, name)
      const update = optimizer.update({
        name,
        value,
        gradient,
        slots,
        learningRate: tf.scalar(optimizer.learningRate),
        iteration: tf.scalar(1),
      })
      return Array.from(update.value.dataSync())
    }),
  )

describe('an optimizer by its record', () => {
  const adamwOf = {
    learningRate: 0.01,
    parameters: /embedding/,
    groups: [{ parameters: /bias/, weightDecay: 0 }],
  }
  for (const [title, optimizer] of Object.entries({
    'groups of parameters': adamw({
      learningRate: 0.1,
      weightDecay: 0.5,
      groups: [
        { parameters: /^emb/i, weightDecay: 0 },
        { parameters: 'vectors', learningRate: 0.2 },
      ],
    }),
    'matrices that AdamW trains': muon({ learningRate: 0.1, adamw: adamwOf }),
    'a wrapper in a wrapper': ema(accumulate(adamw({ learningRate: 0.1 }), { every: 1 }), { decay: 0.5 }),
  }))
    it(`with ${title} makes the same updates`, () => {
      const { name, settings } = JSON.parse(JSON.stringify(optimizer)) as Optimizer
      expect(updated(optimizerFrom({ name, settings } as never)!)).toEqual(updated(optimizer))
    })

  it('is none where a function chose the parameters', () => {
    const { name, settings } = adamw({
      learningRate: 0.1,
      groups: [{ parameters: () => true, weightDecay: 0 }],
    })
    expect(optimizerFrom({ name, settings } as never)).toBeUndefined()
  })
})
