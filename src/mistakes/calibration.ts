import { describe, InputError } from '../errors.js'
import type { EvaluationDetail } from './detail.js'

/** Examples whose predictions are about equally sure. */
export interface CalibrationBin {
  from: number
  to: number
  count: number
  /** Mean probability of the predicted class. */
  confidence: number
  /** Share that is right: the same, where the model knows how sure it may be. */
  accuracy: number
}

export interface Calibration {
  iteration: number
  bins: CalibrationBin[]
  /** Mean distance of confidence and accuracy over examples (expected calibration error, Naeini et al. 2015). */
  error: number
  /** What the bins are made of, example by example. */
  predictions: { probability: number; right: boolean }[]
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
  const rows = Array.from({ length: bins }, (_, i) => ({
    from: i / bins,
    to: (i + 1) / bins,
    count: 0,
    confidence: 0,
    accuracy: 0,
  }))
  for (const [position, sure] of probability.entries()) {
    const row = rows[Math.min(bins - 1, Math.floor(sure * bins))]!
    row.count++
    row.confidence += sure
    row.accuracy += right[position]!
  }
  const filled = rows
    .filter(({ count }) => count > 0)
    .map((row) => ({ ...row, confidence: row.confidence / row.count, accuracy: row.accuracy / row.count }))
  const error =
    filled.reduce(
      (sum, { count, confidence, accuracy }) => sum + count * Math.abs(confidence - accuracy),
      0,
    ) / probability.length
  const predictions = Array.from(probability, (sure, position) => ({
    probability: sure,
    right: right[position] === 1,
  }))
  return { iteration: detail.iteration, bins: filled, error, predictions }
}
