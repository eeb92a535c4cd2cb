/** The value below which a share of the numbers lies, between neighbours linearly. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const low = Math.floor(at)
  return sorted[low] + (sorted[Math.ceil(at)] - sorted[low]) * (at - low)
}

export const median = (values) => quantile(values, 0.5)

const short = (value) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))

/** `12.3 (11.9-14.0)`: the median, and between brackets the middle half. */
export function summary(values) {
  if (values.length === 0) return '-'
  return `${short(median(values))} (${short(quantile(values, 0.25))}-${short(quantile(values, 0.75))})`
}

/** A table in Markdown, its columns as wide as what is in them. */
export function table(header, rows) {
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column].length)))
  const line = (row) => `| ${row.map((text, column) => text.padEnd(widths[column])).join(' | ')} |`
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
