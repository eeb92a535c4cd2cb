/** From values to pixels. */
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

/** Digits in which neighbouring ticks differ: 2.29, 2.295, 2.3. */
export function digitsOf(ticks: readonly number[]): number {
  let digits = 3
  while (digits < 8 && new Set(ticks.map((tick) => formatNumber(tick, digits))).size < ticks.length) digits++
  return digits
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
