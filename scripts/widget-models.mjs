// Writes src/widgets/generated.ts from the published specification of Jupyter's widgets: a table of models with their
// default state, and an interface per widget whose doc comments completion shows. Writes only what changed, so that a
// fresh build stays fresh.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const output = join(root, 'src', 'widgets', 'generated.ts')
const models = createRequire(import.meta.url)(
  '@jupyter-widgets/schema/jupyterwidgetmodels.latest.json',
).toSorted((a, b) => a.model.name.localeCompare(b.model.name))

const nameOf = ({ model }) => model.name.replace(/Model$/, '')
const isIdentity = ({ name }) => /^_(model|view)_/.test(name)
const known = new Set(models.map(nameOf))

const scalars = { string: 'string', bool: 'boolean', int: 'number', float: 'number', bytes: 'Bytes' }
const moments = {
  Date: '{ year: number; month: number; date: number }',
  Time: '{ hours: number; minutes: number; seconds: number; milliseconds: number }',
}
moments.Datetime = `${moments.Date} & ${moments.Time}`

function typeOf({ type, items, enum: allowed }) {
  if (Array.isArray(type)) return type.map((one) => typeOf({ type: one })).join(' | ')
  if (allowed) return allowed.map((one) => JSON.stringify(one)).join(' | ')
  if (type === 'array') return `readonly ${items ? parenthesised(typeOf(items)) : 'any'}[]`
  if (type === 'reference') return 'Widget'
  return scalars[type] ?? moments[type] ?? 'object'
}
const parenthesised = (type) => (type.includes('|') ? `(${type})` : type)

/** The type as src/widgets/types.ts reads it: 'float|null', 'string[]', '"drag"|"tap"'. */
function checkOf({ type, items, enum: allowed, allow_none: mayBeNull }) {
  const one = allowed
    ? allowed.map((text) => JSON.stringify(text))
    : type === 'array'
      ? `${items ? checkOf(items) : 'any'}[]`
      : type === 'reference'
        ? 'Widget'
        : type
  return [one, mayBeNull ? 'null' : []].flat(2).join('|')
}

const defaultOf = ({ type, default: value }) =>
  type === 'bytes' ? [] : type === 'reference' || value === undefined ? null : value

function docOf(attribute) {
  const help = attribute.help.replaceAll('*/', '* /').trim().replace(/\.$/, '')
  const shown =
    attribute.type === 'reference' || attribute.type === 'bytes' || attribute.default === '\u200b'
      ? ''
      : `Default: \`${JSON.stringify(attribute.default)}\`.`
  return [help && `${help}.`, shown].filter(Boolean).join(' ')
}

/** A widget in the state may be given by its attributes alone; read, it is a widget. */
function writeAttribute(attribute) {
  const { name, type, widget } = attribute
  if (type !== 'reference' || !known.has(widget))
    return [`  ${name}: ${typeOf(attribute)}${attribute.allow_none ? ' | null' : ''}`]
  return [
    `  get ${name}(): Widget<${widget}Attributes> & ${widget}Attributes`,
    `  set ${name}(given: Partial<${widget}Attributes> | Widget)`,
  ]
}

function writeInterface(entry) {
  const lines = [`export interface ${nameOf(entry)}Attributes {`]
  for (const attribute of entry.attributes) {
    if (attribute.name.startsWith('_')) continue
    const doc = docOf(attribute)
    if (doc) lines.push(`  /** ${doc} */`)
    lines.push(...writeAttribute(attribute))
  }
  return [...lines, '}'].join('\n')
}

function writeModel(entry) {
  const shown = entry.attributes.filter((attribute) => !isIdentity(attribute))
  const references = shown.filter(({ type, widget }) => type === 'reference' && known.has(widget))
  const row = {
    module: entry.model.module,
    version: entry.model.version,
    model: entry.model.name,
    view: entry.view.name,
    viewModule: entry.view.module,
    viewVersion: entry.view.version,
    defaults: Object.fromEntries(shown.map((attribute) => [attribute.name, defaultOf(attribute)])),
    bytes: shown.filter(({ type }) => type === 'bytes').map(({ name }) => name),
    types: Object.fromEntries(shown.map((attribute) => [attribute.name, checkOf(attribute)])),
    references: Object.fromEntries(references.map(({ name, widget }) => [name, widget])),
  }
  return `  ${JSON.stringify(nameOf(entry))}: ${JSON.stringify(row)},`
}

const text = `// Written by scripts/widget-models.mjs from @jupyter-widgets/schema.
import type { Widget } from './widget.js'
import type { Model } from './model.js'
type Bytes = ArrayBufferView | ArrayBuffer

${models.map(writeInterface).join('\n\n')}

export interface Attributes {
${models.map((entry) => `  ${nameOf(entry)}: ${nameOf(entry)}Attributes`).join('\n')}
}

export const models: { [name in keyof Attributes]: Model } = {
${models.map(writeModel).join('\n')}
}
`
if (!existsSync(output) || readFileSync(output, 'utf8') !== text) writeFileSync(output, text)
