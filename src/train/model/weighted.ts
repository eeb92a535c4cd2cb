import type * as tf from '@tensorflow/tfjs'
import { InputError } from '../../errors.js'

/**
 * A loss as it was written, with weights of the examples: these change its mean over the examples and nothing else of it.
 */
export function weighted(
  { loss, perExample }: { loss: tf.Tensor; perExample?: tf.Tensor },
  count: number,
  weights: tf.Tensor1D | undefined,
): { loss: tf.Scalar; losses?: tf.Tensor1D } {
  if (!perExample) {
    if (weights) throw needsLosses()
    return { loss: loss.asScalar() }
  }
  if (perExample.shape[0] !== count)
    throw new InputError({
      where: 'train({ loss })',
      received: `perExample of shape [${perExample.shape.join(', ')}] for ${count} examples`,
      expected: 'the loss of each example, [batch]',
    })
  const losses = perExample.rank === 1 ? perExample : perExample.reshape([count, -1]).mean(1)
  // loss - mean(losses) + mean(weights losses)
  const whole = weights ? loss.asScalar().add(losses.mul(weights.sub(1)).mean()) : loss.asScalar()
  return { loss: whole as tf.Scalar, losses: losses as tf.Tensor1D }
}

export function needsLosses(): InputError {
  return new InputError({
    where: 'weights of examples',
    received: 'a loss that gives only the mean of a batch',
    expected: 'the loss of each example, so that each can have its weight',
    fix: 'Return { loss, perExample } from the loss, perExample of shape [batch].',
  })
}
