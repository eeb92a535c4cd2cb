/**
 * The mean course of a noisy line: at each point a straight line fitted to its neighbours, weighted by an exponential
 * kernel of about `window` points (local linear regression; Fan and Gijbels, "Local Polynomial Modelling", 1996). It
 * neither lags behind as a running average does, nor bends at the ends as a mean of both sides does. Two passes, O(n).
 * Values that are not finite are left out.
 */
export function smooth(values: ArrayLike<number>, window: number, length = values.length): Float32Array {
  const keep = 1 - 1 / Math.max(1, window / 2)
  const left = new Side(keep)
  const before = new Float64Array(length * 5)
  for (let i = 0; i < length; i++) {
    left.step()
    left.add(values[i]!)
    left.write(before, i * 5)
  }
  const right = new Side(keep)
  const smoothed = new Float32Array(length)
  for (let i = length - 1; i >= 0; i--) {
    right.step()
    const at = i * 5
    // Distances to the left count as negative. The point itself is in the left side already.
    const n = before[at]! + right.n
    const d = right.d - before[at + 1]!
    const dd = right.dd + before[at + 2]!
    const v = before[at + 3]! + right.v
    const dv = right.dv - before[at + 4]!
    const determinant = n * dd - d * d
    smoothed[i] = determinant > 1e-6 * n * n ? (v * dd - dv * d) / determinant : v / n
    right.add(values[i]!)
  }
  return smoothed
}

/** Weighted sums over the points passed so far: of 1, distance, distance squared, value, distance times value. */
class Side {
  n = 0
  d = 0
  dd = 0
  v = 0
  dv = 0
  readonly keep: number
  constructor(keep: number) {
    this.keep = keep
  }

  /** Everything moves one point further away. */
  step(): void {
    const { keep } = this
    this.dd = keep * (this.dd + 2 * this.d + this.n)
    this.d = keep * (this.d + this.n)
    this.n *= keep
    this.dv = keep * (this.dv + this.v)
    this.v *= keep
  }

  add(value: number): void {
    if (!Number.isFinite(value)) return
    this.n += 1
    this.v += value
  }

  write(into: Float64Array, at: number): void {
    into[at] = this.n
    into[at + 1] = this.d
    into[at + 2] = this.dd
    into[at + 3] = this.v
    into[at + 4] = this.dv
  }
}
