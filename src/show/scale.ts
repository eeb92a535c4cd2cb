/**
 * The scale of a panel, one rule for the chart in JupyterLab, on a page and in a PNG: it follows the recent part, and says
 * so where that leaves values out. Imports nothing: the JupyterLab extension takes this file in as it is.
 */

/** A line by its places and values. `noisy`: single batches, of which a few may lie beyond the axis. */
export interface ScaledLine {
  readonly x: ArrayLike<number>
  readonly y: ArrayLike<number>
  readonly noisy?: boolean
}

export interface FittedScale {
  readonly domain: readonly [number, number]
  readonly log: boolean
  /** The one value that there is: the axis is around it, and it alone is labelled. */
  readonly only?: number
  /** Least and greatest value where some lie beyond the domain. */
  readonly beyond?: readonly [number, number]
}

export interface FitOptions {
  /** Every value, not the recent part. */
  whole?: boolean
  /** Logarithmic or not; default: where the values go through decades. */
  log?: boolean
  /** Places that are looked at; default: all. */
  from?: number
  to?: number
  /** From zero, whatever the values. */
  zero?: boolean
}

/** The first part of a course, in which a loss falls from where it began. */
const early = 0.25
/** Of single batches this share is left beyond each end. */
const tail = 0.01
/** An axis is cut where all values would need this many times the room. */
const worthACut = 1.6
/** Fewer values than these say nothing of a recent part. */
const leastValues = 3

type Range = [number, number]

/**
 * The domain of a panel's lines: of the last three quarters of the course, without the outermost percent of single
 * batches, rounded to ticks; all values where that would save no room.
 *
 * @example fitScale([{ x: [0, 1, 2, 3], y: [9, 2, 1.5, 1] }])
 */
export function fitScale(lines: readonly ScaledLine[], options: FitOptions = {}): FittedScale {
  const { from = -Infinity, to = Infinity, zero = false } = options
  const all = values(lines, from, to)
  const log = (options.log ?? spansDecades(all.flat())) && all.some((line) => line.some((y) => y > 0))
  const everything = extentOf(all.map((line) => (log ? line.filter((y) => y > 0) : line)))
  if (!everything) return { domain: log ? [0.1, 1] : [0, 1], log }
  const complete: FittedScale = {
    domain: rounded(everything, log, zero),
    log,
    ...(everything[0] === everything[1] && { only: everything[0] }),
  }
  if (options.whole) return complete
  const [first, last] = ends(lines, from, to)
  const recent = lines.flatMap((line) => {
    const some = values([line], first + early * (last - first), last)[0]!.filter((y) => !log || y > 0)
    return some.length > 0 ? [line.noisy ? withoutTails(some) : some] : []
  })
  const near = recent.reduce((sum, some) => sum + some.length, 0) < leastValues ? undefined : extentOf(recent)
  if (!near || !isWorth(near, everything, log)) return complete
  const domain = rounded(near, log, zero)
  return everything[0] < domain[0] || everything[1] > domain[1]
    ? { domain, log, ...(near[0] === near[1] && { only: near[0] }), beyond: everything }
    : complete
}

/** The finite values of each line between two places. */
function values(lines: readonly ScaledLine[], from: number, to: number): number[][] {
  return lines.map(({ x, y }) => {
    const some: number[] = []
    for (let i = 0; i < x.length; i++)
      if (x[i]! >= from && x[i]! <= to && Number.isFinite(y[i]!)) some.push(y[i]!)
    return some
  })
}

/** The first and last place with a value that is looked at. */
function ends(lines: readonly ScaledLine[], from: number, to: number): Range {
  let [first, last] = [Infinity, -Infinity]
  for (const { x, y } of lines)
    for (let i = 0; i < x.length; i++) {
      if (!(x[i]! >= from && x[i]! <= to) || !Number.isFinite(y[i]!)) continue
      first = Math.min(first, x[i]!)
      last = Math.max(last, x[i]!)
    }
  return [first, last]
}

function extentOf(lines: readonly (readonly number[])[]): Range | undefined {
  let [low, high] = [Infinity, -Infinity]
  for (const line of lines)
    for (const y of line) {
      if (y < low) low = y
      if (y > high) high = y
    }
  return low <= high ? [low, high] : undefined
}

function withoutTails(some: readonly number[]): number[] {
  const sorted = some.toSorted((a, b) => a - b)
  const cut = Math.floor(sorted.length * tail)
  return sorted.slice(cut, sorted.length - cut)
}

const spanOf = ([low, high]: Range, log: boolean): number =>
  log ? Math.log10(high) - Math.log10(low) : high - low

/** Where nearly nothing changes any more there is always a cut to make: values as far as their own size count too. */
function isWorth(near: Range, everything: Range, log: boolean): boolean {
  const least = log ? 0.3 : Math.abs(near[1]) * 0.02
  return spanOf(everything, log) > worthACut * Math.max(spanOf(near, log), least)
}

/** A loss that begins at 5,000 and ends at 0.3 would be a line along the floor. */
function spansDecades(all: readonly number[]): boolean {
  if (all.length < 20) return false
  const range = extentOf([all])!
  if (!(range[0] > 0) || range[1] <= 40 * range[0]) return false
  const sorted = all.toSorted((a, b) => a - b)
  // The first quarter may be high: the axis leaves it out. What is left must need the decades.
  return (
    range[1] > 40 * sorted[sorted.length >> 1]! && sorted[Math.floor(sorted.length * 0.75)]! > 40 * range[0]
  )
}

/** A little room, to whole ticks; from zero where the values come near it. */
function rounded([low, high]: Range, log: boolean, zero: boolean): Range {
  if (log) return low === high ? [low / 2, high * 2] : [low / 1.1, high * 1.1]
  // A constant is a line in the middle, its value the one tick.
  const exact = (value: number) => Number(value.toPrecision(12))
  if (low === high)
    return low === 0 ? [-1, 1] : [exact(low - Math.abs(low) / 2), exact(low + Math.abs(low) / 2)]
  const isFromZero = low >= 0 && (zero || low < 0.35 * high)
  const least = isFromZero ? 0 : low
  const step = stepOf(high - least, 8)
  return [exact(Math.floor(least / step + 1e-6) * step), exact(Math.ceil(high / step - 1e-6) * step)]
}

/** Steps of 1, 2 or 5 times a power of ten. */
function stepOf(span: number, count: number): number {
  const rough = span / Math.max(1, count)
  const power = 10 ** Math.floor(Math.log10(rough))
  const ratio = rough / power
  return power * (ratio >= 7.1 ? 10 : ratio >= 3.2 ? 5 : ratio >= 1.5 ? 2 : 1)
}

/**
 * Where an axis is labelled: round numbers, on a logarithmic one powers of ten or 1, 2 and 5 times them.
 *
 * @param options `log`: the axis is logarithmic; `only`: the one value there is; `whole`: nothing between whole numbers.
 * @example axisTicks([0, 1], 5)
 */
export function axisTicks(
  [from, to]: readonly [number, number],
  count: number,
  { log = false, only, whole = false }: { log?: boolean; only?: number; whole?: boolean } = {},
): number[] {
  if (only !== undefined) return [only]
  if (!(to > from)) return [from]
  if (log) {
    const ticks = logTicks(from, to, count)
    if (ticks.length >= 2) return ticks
  }
  const step = whole ? Math.max(1, stepOf(to - from, count)) : stepOf(to - from, count)
  const ticks: number[] = []
  for (let i = Math.ceil(from / step - 1e-9); i <= Math.floor(to / step + 1e-9); i++)
    ticks.push(Number((i * step).toPrecision(12)))
  return ticks
}

function logTicks(from: number, to: number, count: number): number[] {
  const [low, high] = [Math.floor(Math.log10(from)), Math.ceil(Math.log10(to))]
  const within = (factors: readonly number[], every = 1) => {
    const ticks: number[] = []
    for (let power = low; power <= high; power += every)
      for (const factor of factors) {
        const tick = Number((factor * 10 ** power).toPrecision(12))
        if (tick >= from * (1 - 1e-9) && tick <= to * (1 + 1e-9)) ticks.push(tick)
      }
    return ticks
  }
  const powers = within([1])
  if (powers.length >= 3)
    return powers.filter((_, i) => i % Math.max(1, Math.ceil(powers.length / count)) === 0)
  const finer = within([1, 2, 5])
  return finer.length <= count + 2 ? finer : within([1, 3])
}
