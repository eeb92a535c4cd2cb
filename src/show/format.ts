/** Numbers and durations as people read them. */

const minus = '−'

/** Four significant digits at most: 0.04213, 1.5, 12,340, 3.2e-7. */
export function formatNumber(value: number, digits = 4): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '∞' : `${minus}∞`
  if (value === 0) return '0'
  const size = Math.abs(value)
  const sign = value < 0 ? minus : ''
  if (size >= 1e7 || size < 1e-4)
    return (
      sign +
      size
        .toExponential(Math.max(0, digits - 2))
        .replace(/\.?0+e/, 'e')
        .replace('e+', 'e')
    )
  if (Number.isInteger(value)) return sign + formatCount(size)
  const text = size.toPrecision(digits)
  const plain = text.includes('e') ? String(Math.round(size)) : text
  if (size >= 1000) return sign + formatCount(Math.round(size))
  return sign + (plain.includes('.') ? plain.replace(/\.?0+$/, '') : plain)
}

/** A whole number with thousands set apart. */
export function formatCount(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** 0.9412 -> '94.1 %'. */
export function formatShare(value: number): string {
  return `${Number((value * 100).toPrecision(3))} %`
}

/** Milliseconds as '350 ms', '12 s', '3 min 20 s', '2 h 5 min'. */
export function formatDuration(milliseconds: number): string {
  if (!Number.isFinite(milliseconds) || milliseconds < 0) return '?'
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  const seconds = milliseconds / 1000
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  if (seconds < 59.5) return `${Math.round(seconds)} s`
  const minutes = Math.floor(Math.round(seconds) / 60)
  if (minutes < 60) return `${minutes} min ${Math.round(seconds) - minutes * 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** 'learningRate' -> 'learning rate'. */
export function words(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase()
}

/** Any recorded value in a few characters. */
export function formatValue(value: unknown): string {
  if (typeof value === 'number') return formatNumber(value)
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return '–'
  if (Array.isArray(value))
    return value.length > 3 ? `${formatCount(value.length)} values` : value.map(formatValue).join(', ')
  if (typeof value === 'object') {
    const { name, length } = value as { name?: unknown; length?: unknown }
    if (typeof name === 'string') return name
    if (typeof length === 'number') return `${formatCount(length)} values`
    const text = objectText(value)
    return text.length > 40 ? `${text.slice(0, 39)}…` : text
  }
  return String(value)
}

function objectText(value: object): string {
  if (value instanceof Map || value instanceof Set) return `${formatCount(value.size)} values`
  try {
    return (
      JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part)) ??
      'object'
    )
  } catch {
    // It contains itself.
    return 'object'
  }
}
