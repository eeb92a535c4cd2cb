/** From values to pixels, with ticks that people read. */
export interface Scale {
  readonly domain: readonly [number, number]
  readonly range: readonly [number, number]
  readonly log: boolean
  (value: number): number
  invert(pixel: number): number
}

export function createScale(
  domain: readonly [number, number],
  range: readonly [number, number],
  log = false,
): Scale {
  const forward = log ? Math.log10 : (x: number) => x
  const back = log ? (x: number) => 10 ** x : (x: number) => x
  const [a, b] = [forward(domain[0]), forward(domain[1])]
  const span = b - a || 1
  const scale = (value: number) => range[0] + ((forward(value) - a) / span) * (range[1] - range[0])
  const invert = (pixel: number) => back(a + ((pixel - range[0]) / (range[1] - range[0])) * span)
  return Object.assign(scale, { domain, range, log, invert })
}

/** Steps of 1, 2 or 5 times a power of ten. */
function stepOf(span: number, count: number): number {
  const rough = span / Math.max(1, count)
  const power = 10 ** Math.floor(Math.log10(rough))
  const ratio = rough / power
  return power * (ratio >= 7.1 ? 10 : ratio >= 3.2 ? 5 : ratio >= 1.5 ? 2 : 1)
}

export function ticksOf(scale: Scale, count: number, whole = false): number[] {
  const [from, to] = scale.domain
  if (!(to > from)) return [from]
  if (scale.log) {
    const [low, high] = [Math.ceil(Math.log10(from) - 1e-9), Math.floor(Math.log10(to) + 1e-9)]
    const every = Math.max(1, Math.ceil((high - low + 1) / count))
    const powers: number[] = []
    for (let power = low; power <= high; power += every) powers.push(10 ** power)
    return powers.length >= 2 ? powers : [from, Math.sqrt(from * to), to].map((x) => Number(x.toPrecision(2)))
  }
  const step = whole ? Math.max(1, stepOf(to - from, count)) : stepOf(to - from, count)
  const ticks: number[] = []
  for (let i = Math.ceil(from / step - 1e-9); i <= Math.floor(to / step + 1e-9); i++)
    ticks.push(Number((i * step).toPrecision(12)))
  return ticks
}

/** Digits in which neighbouring ticks differ: 2.29, 2.295, 2.3. */
export function digitsOf(ticks: readonly number[]): number {
  let digits = 3
  while (digits < 8 && new Set(ticks.map((tick) => formatNumber(tick, digits))).size < ticks.length) digits++
  return digits
}

/** Least and greatest of the values, a little room around, from zero where the values come near it. */
export function extentOf(values: Iterable<number>, log: boolean): [number, number] {
  let [low, high] = [Infinity, -Infinity]
  for (const value of values) {
    if (!Number.isFinite(value) || (log && value <= 0)) continue
    if (value < low) low = value
    if (value > high) high = value
  }
  if (low > high) return log ? [0.1, 1] : [0, 1]
  if (log) return low === high ? [low / 2, high * 2] : [low / 1.1, high * 1.1]
  if (low === high) return low === 0 ? [0, 1] : [Math.min(0, low * 1.3), Math.max(0, low * 1.3)]
  const room = (high - low) * 0.05
  return [low >= 0 && low < high * 0.5 ? 0 : low - room, high + room]
}

/** Four digits at most: 0.04213, 1.5, 12,340, 3.2e-7. */
export function formatNumber(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return String(value)
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size < 1e-4 || size >= 1e7)
    return value
      .toExponential(digits - 2)
      .replace(/\.?0+e/, 'e')
      .replace('e+', 'e')
  return Number(value.toPrecision(size >= 1000 ? 7 : digits)).toLocaleString('en-US', {
    maximumFractionDigits: size >= 1000 ? 0 : 8,
  })
}
