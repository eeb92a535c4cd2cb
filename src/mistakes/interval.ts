/** Intervals that hold the true value 19 times in 20. */

/** 97.5 % of a normal distribution lie below. */
const z = 1.959963984540054

/**
 * The share `found / count` and its interval (Wilson 1927): right for small counts and for shares near 0 and 1, where the
 * textbook's interval is not.
 */
export function shareInterval(found: number, count: number): [share: number, from: number, to: number] {
  if (count === 0) return [NaN, 0, 1]
  const share = found / count
  const middle = (share + (z * z) / (2 * count)) / (1 + (z * z) / count)
  const half =
    (z / (1 + (z * z) / count)) * Math.sqrt((share * (1 - share)) / count + (z * z) / (4 * count * count))
  return [share, Math.max(0, middle - half), Math.min(1, middle + half)]
}

export interface MeanInterval {
  mean: number
  /** Standard deviation of the values, not of their mean; NaN of one value. */
  deviation: number
  from: number
  to: number
}

/**
 * The mean of some values with its interval (Student's t): true at any count where they are about normal. Of few values that
 * are mostly small and seldom large, as losses are, it holds the true mean less often: nine times in ten of exponential ones
 * at 10. Of one value nothing is known.
 */
export function meanInterval(values: readonly number[]): MeanInterval {
  const count = values.length
  const mean = values.reduce((a, b) => a + b, 0) / count
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1))
  const half = count > 1 ? (student(count - 1) * deviation) / Math.sqrt(count) : Infinity
  return { mean, deviation, from: mean - half, to: mean + half }
}

const quantiles = new Map<number, number>()

/** What 97.5 % of Student's t with this many degrees of freedom, a whole number, lie below. */
export function student(freedom: number): number {
  let quantile = quantiles.get(freedom)
  if (quantile === undefined) quantiles.set(freedom, (quantile = findStudent(freedom)))
  return quantile
}

function findStudent(freedom: number): number {
  if (freedom > 400) {
    // Expansion in 1 / freedom (Abramowitz and Stegun 26.7.5); what is left out is below 1e-12 from 400 on.
    const [n, z2] = [freedom, z * z]
    const terms = [
      (z2 + 1) / 4,
      ((5 * z2 + 16) * z2 + 3) / 96,
      (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384,
      ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160,
    ]
    return z * terms.reduce((sum, term, i) => sum + term / n ** (i + 1), 1)
  }
  let [low, high] = [z, 13]
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (within(middle, freedom) < 0.95) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** The share of Student's t that lies in -t … t: finite sums for whole degrees of freedom (Abramowitz and Stegun 26.7.3 and 4). */
function within(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom))
  const cosine = Math.cos(angle) ** 2
  const isOdd = freedom % 2 === 1
  let term = isOdd ? Math.cos(angle) : 1
  let sum = freedom === 1 ? 0 : term
  for (let k = isOdd ? 3 : 2; k <= freedom - 2; k += 2) sum += term *= ((k - 1) / k) * cosine
  return isOdd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum
}
