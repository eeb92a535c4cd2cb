/** A prediction with the probability that the model gave it, and whether it was right. */
export interface Confidence {
  probability: number
  right: boolean
}

/** Predictions that are about equally sure. */
export interface CalibrationBin {
  from: number
  to: number
  count: number
  /** Mean probability of what was predicted. */
  confidence: number
  /** Share that was right: the same, where the model knows how sure it may be. */
  accuracy: number
}

/**
 * Predictions by probability in bins of equal width, empty ones left out, and the mean distance of confidence and accuracy
 * over predictions (expected calibration error, Naeini et al. 2015).
 *
 * @example const { error } = calibration([{ probability: 0.9, right: true }])
 */
export function calibration(
  rows: readonly Confidence[],
  bins = 10,
): { bins: CalibrationBin[]; error: number } {
  const found = Array.from({ length: bins }, (_, i) => ({
    from: i / bins,
    to: (i + 1) / bins,
    count: 0,
    confidence: 0,
    accuracy: 0,
  }))
  for (const { probability, right } of rows) {
    // Of a model that has gone wrong: no bin is right for it.
    if (Number.isNaN(probability)) continue
    const bin = found[Math.min(bins - 1, Math.max(0, Math.floor(probability * bins)))]!
    bin.count++
    bin.confidence += probability
    bin.accuracy += right ? 1 : 0
  }
  const filled = found.filter((bin) => bin.count > 0)
  for (const bin of filled) {
    bin.confidence /= bin.count
    bin.accuracy /= bin.count
  }
  const error = filled.reduce(
    (sum, bin) => sum + (bin.count / rows.length) * Math.abs(bin.accuracy - bin.confidence),
    0,
  )
  return { bins: filled, error }
}
