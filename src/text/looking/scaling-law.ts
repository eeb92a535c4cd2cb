import { describe, InputError } from '../../errors.js'
import { student } from '../../mistakes/interval.js'
import { named } from '../../suggest.js'
import type { ScalingView } from '../../views.js'

export interface ScalingOptions {
  /** Sizes that the law is asked about. Default: none. `predict: [3e6]` */
  predict?: readonly number[]
  /** What the sizes count. Default: 'parameters'. `of: 'tokens'` */
  of?: string
}

/** A power law, as the last expression of a cell its chart. */
export interface ScalingLaw extends ScalingView {
  /** The loss of a size, with an interval that holds that of one run of it 19 times in 20. */
  at(size: number): { size: number; loss: number; from: number; to: number }
}

const where = 'scalingLaw(rows, options)'

/**
 * Fits L(N) = E + A N^-alpha (Hoffmann et al. 2022, arXiv 2203.15556) to the losses of runs of several sizes, by least squares
 * of the logarithm of the loss, from many starts; E is 0 or above. Several runs of one size are several rows.
 *
 * The intervals are those of the linearised law (Student's t, rows - 3 degrees of freedom): they take the law to be true, and
 * with four rows they are wide.
 *
 * @throws InputError for fewer than three different sizes, and for sizes and losses that are not above 0.
 * @example
 * const law = scalingLaw([
 *   { size: 1e4, loss: 2.4 }, { size: 3e4, loss: 2.15 }, { size: 1e5, loss: 1.97 }, { size: 3e5, loss: 1.86 },
 * ], { predict: [1e6] })
 * law.predictions[0]
 */
export function scalingLaw(
  rows: readonly { readonly size: number; readonly loss: number }[],
  options: ScalingOptions = {},
): ScalingLaw {
  const { predict = [], of = 'parameters' } = named(options, ['predict', 'of'], where)
  const isAbove = (value: unknown) => typeof value === 'number' && value > 0 && Number.isFinite(value)
  const wrong = Array.isArray(rows)
    ? rows.find((row) => !isAbove(row?.size) || !isAbove(row?.loss))
    : (rows ?? null)
  if (wrong !== undefined)
    throw new InputError({
      where,
      received: describe(wrong),
      expected: 'rows { size, loss }, both finite and above 0',
    })
  const sizes = new Set(rows.map(({ size }) => size))
  if (sizes.size < 3)
    throw new InputError({
      where,
      received: `${sizes.size} different ${sizes.size === 1 ? 'size' : 'sizes'}`,
      expected: 'at least three: the law has three unknowns',
    })
  for (const size of predict)
    if (!isAbove(size))
      throw new InputError({
        where: `${where}: predict`,
        received: describe(size),
        expected: 'sizes, finite and above 0',
      })
  // Sizes around 1, so that the unknowns hardly depend on each other.
  const middle = Math.exp(rows.reduce((sum, { size }) => sum + Math.log(size), 0) / rows.length)
  const points = rows.map(({ size, loss }) => ({ x: Math.log(size / middle), y: Math.log(loss) }))
  const fit = fitted(points)
  const at = (size: number) => {
    const x = Math.log(size / middle)
    const loss = lossAt(fit.unknowns, x)
    const half = halfWidth(fit, points.length, x)
    return { size, loss, from: loss * Math.exp(-half), to: loss * Math.exp(half) }
  }
  const [E, scale, alpha] = named3(fit.unknowns)
  const ends = [...sizes, ...predict]
  const [low, high] = [Math.log(Math.min(...ends)), Math.log(Math.max(...ends))]
  const law: ScalingView = {
    kind: 'scaling',
    of,
    E,
    A: scale * middle ** alpha,
    alpha,
    points: rows.map(({ size, loss }) => ({ size, loss })),
    curve: Array.from({ length: 41 }, (_, i) => at(Math.exp(low + ((high - low) * i) / 40))),
    predictions: predict.map(at),
  }
  // Not enumerable: what is written to a file or compared is the data.
  return Object.defineProperty(law, 'at', { value: at }) as ScalingLaw
}

/** ln A and alpha, and ln E where E is above 0. */
type Unknowns = readonly [logA: number, alpha: number, logE?: number]

const named3 = ([logA, alpha, logE]: Unknowns): [E: number, A: number, alpha: number] => [
  logE === undefined ? 0 : Math.exp(logE),
  Math.exp(logA),
  alpha,
]

function lossAt(unknowns: Unknowns, x: number): number {
  const [E, A, alpha] = named3(unknowns)
  return E + A * Math.exp(-alpha * x)
}

/** The gradient of ln L with respect to the unknowns. */
function slope(unknowns: Unknowns, x: number): number[] {
  const [E, A, alpha] = named3(unknowns)
  const power = A * Math.exp(-alpha * x)
  const share = power / (E + power)
  return unknowns.length === 2 ? [share, -x * share] : [share, -x * share, 1 - share]
}

interface Point {
  x: number
  y: number
}

interface Fit {
  unknowns: Unknowns
  /** The sum of squares that is left. */
  left: number
  /** J^T J at the end. */
  information: number[][]
}

function fitted(points: readonly Point[]): Fit {
  const lowest = Math.min(...points.map(({ y }) => y))
  const plain = improved([lowest, 0.1], points)
  let best = plain
  for (const share of [0.999, 0.97, 0.9, 0.7, 0.4, 0.1])
    for (const alpha of [0.05, 0.15, 0.3, 0.6, 1, 2]) {
      const found = improved([lowest + Math.log(1 - share), alpha, lowest + Math.log(share)], points)
      // That E helps must be seen: otherwise it only goes to 0, for ever.
      if (found.left < best.left * (1 - 1e-9) && found.unknowns[1] > 0) best = found
    }
  return best
}

/** Levenberg and Marquardt's method: Gauss-Newton steps, damped where they do not help. */
function improved(start: Unknowns, points: readonly Point[]): Fit {
  let unknowns = start
  let left = leftOver(unknowns, points)
  let damping = 1e-3
  for (let step = 0; step < 400 && damping < 1e12; step++) {
    const { information, pull } = normalEquations(unknowns, points)
    const damped = information.map((row, i) =>
      row.map((value, j) => (i === j ? value * (1 + damping) + 1e-15 : value)),
    )
    const move = solved(damped, pull)
    const next = unknowns.map((value, i) => value! + move[i]!) as unknown as Unknowns
    const after = leftOver(next, points)
    if (after < left) {
      const small = left - after <= 1e-15 * left
      ;[unknowns, left, damping] = [next, after, Math.max(1e-12, damping / 5)]
      if (small) break
    } else damping *= 4
  }
  return { unknowns, left, information: normalEquations(unknowns, points).information }
}

function leftOver(unknowns: Unknowns, points: readonly Point[]): number {
  const sum = points.reduce((total, { x, y }) => total + (y - Math.log(lossAt(unknowns, x))) ** 2, 0)
  return Number.isNaN(sum) ? Infinity : sum
}

function normalEquations(unknowns: Unknowns, points: readonly Point[]) {
  const size = unknowns.length
  const information = Array.from({ length: size }, () => Array.from({ length: size }, () => 0))
  const pull = Array.from({ length: size }, () => 0)
  for (const { x, y } of points) {
    const gradient = slope(unknowns, x)
    const away = y - Math.log(lossAt(unknowns, x))
    for (let i = 0; i < size; i++) {
      pull[i]! += gradient[i]! * away
      for (let j = 0; j < size; j++) information[i]![j]! += gradient[i]! * gradient[j]!
    }
  }
  return { information, pull }
}

/** matrix z = right, by Gauss's elimination with pivots. */
function solved(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, right[i]!])
  const size = right.length
  for (let column = 0; column < size; column++) {
    const pivot = rows
      .slice(column)
      .reduce(
        (best, row, i) => (Math.abs(row[column]!) > Math.abs(rows[best]![column]!) ? column + i : best),
        column,
      )
    ;[rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!]
    for (let row = column + 1; row < size; row++) {
      const factor = rows[row]![column]! / rows[column]![column]!
      for (let i = column; i <= size; i++) rows[row]![i]! -= factor * rows[column]![i]!
    }
  }
  const z = Array.from({ length: size }, () => 0)
  for (let row = size - 1; row >= 0; row--) {
    let sum = rows[row]![size]!
    for (let i = row + 1; i < size; i++) sum -= rows[row]![i]! * z[i]!
    z[row] = sum / rows[row]![row]!
  }
  return z
}

/** Half of the interval of ln L for one run, NaN where nothing is left to tell the spread by. */
function halfWidth({ unknowns, left, information }: Fit, count: number, x: number): number {
  const freedom = count - unknowns.length
  if (freedom < 1) return Number.NaN
  const gradient = slope(unknowns, x)
  const spread = solved(information, gradient).reduce((sum, value, i) => sum + value * gradient[i]!, 0)
  return student(freedom) * Math.sqrt((left / freedom) * (1 + Math.max(0, spread)))
}
