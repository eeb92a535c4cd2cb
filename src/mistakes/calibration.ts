import { calibration, type CalibrationBin, type Confidence } from '../calibration.js'
import { describe, InputError } from '../errors.js'
import type { EvaluationDetail } from './detail.js'

export interface Calibration {
  iteration: number
  bins: CalibrationBin[]
  /** Mean distance of confidence and accuracy over examples (expected calibration error, Naeini et al. 2015). */
  error: number
  /** What the bins are made of, example by example. */
  predictions: Confidence[]
}

/** How sure predictions are, beside how often they are right. */
export function calibrationOf(detail: EvaluationDetail, bins = 10): Calibration {
  const { probability, right } = detail
  if (!probability || !right)
    throw new InputError({
      where: 'run.calibration()',
      received: 'a model that gives no probabilities',
      expected: 'a model trained with a cross-entropy loss, one class an example',
    })
  if (!Number.isInteger(bins) || bins < 1)
    throw new InputError({
      where: 'run.calibration({ bins })',
      received: describe(bins),
      expected: 'a whole number, at least 1',
    })
  const predictions = Array.from(probability, (sure, position) => ({
    probability: sure,
    right: right[position] === 1,
  }))
  return { iteration: detail.iteration, ...calibration(predictions, bins), predictions }
}
