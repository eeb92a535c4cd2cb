import { markNames } from './spec.js'

const types = ['quantitative', 'temporal', 'ordinal', 'nominal', 'geojson']

/** What is wrong with a Vega-Lite specification that its compiler refused, in words of whoever wrote it. */
export function explain(spec: unknown, path = ''): string | undefined {
  if (typeof spec !== 'object' || spec === null) return undefined
  for (const [name, part] of Object.entries(spec)) {
    if (name === 'data' || name === 'datasets' || name === 'config') continue
    const place = Array.isArray(spec) ? `${path}[${name}]` : path ? `${path}.${name}` : name
    const found =
      (name === 'mark'
        ? wrongName('mark', isObject(part) ? part.type : part, markNames, place)
        : undefined) ??
      (name === 'encoding' && isObject(part) ? wrongType(part, place) : undefined) ??
      explain(part, place)
    if (found) return found
  }
  return undefined
}

const isObject = (value: unknown): value is { [name: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function wrongType(encoding: { [channel: string]: unknown }, path: string): string | undefined {
  for (const [channel, definition] of Object.entries(encoding)) {
    const type = isObject(definition) ? definition.type : undefined
    // One letter is short for each of the first four.
    if (type === undefined || (typeof type === 'string' && /^[qton]$/i.test(type))) continue
    const found = wrongName('type', String(type).toLowerCase(), types, `${path}.${channel}.type`)
    if (found) return found
  }
  return undefined
}

function wrongName(
  what: string,
  received: unknown,
  known: readonly string[],
  path: string,
): string | undefined {
  if (typeof received === 'string' && known.includes(received)) return undefined
  const given = typeof received === 'string' ? `'${received.slice(0, 40)}'` : typeof received
  return `no ${what} of Vega-Lite is called ${given} (${path}); it knows ${known.join(', ')}`
}
