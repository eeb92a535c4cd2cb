/** What a widget looks like where no widget manager runs: its name and value as text, boxes as lists of what is in them. */
import { escapeHtml } from '../show/clean.js'

interface Shown {
  readonly kind: string
  entries(): Readonly<{ [attribute: string]: unknown }>
}

const isWidget = (value: unknown): value is Shown =>
  typeof value === 'object' && value !== null && 'kind' in value && 'entries' in value

const longest = 200
function shorten(text: string): string {
  return text.length > longest ? text.slice(0, longest) + '…' : text
}

const entities: { [name: string]: string } = { amp: '&', lt: '<', gt: '>', quot: '"', nbsp: ' ' }

/** Markup of an HTML widget as the text a reader would see. */
const textOfHtml = (markup: string): string =>
  markup
    .replace(/<[^>]*>?/g, ' ')
    .replace(/&(?:#(\d{1,6})|(\w+));/g, (whole, code, name) =>
      code ? String.fromCodePoint(Number(code)) : (entities[name] ?? whole),
    )
    .replace(/\s+/g, ' ')
    .trim()

function textOfOutputs(outputs: unknown): string {
  const texts = (outputs as { text?: string; data?: { 'text/plain'?: string }; evalue?: string }[]).map(
    ({ text, data, evalue }) => text ?? data?.['text/plain'] ?? evalue ?? '',
  )
  return texts.join('\n').trim()
}

function valueOf(widget: Shown): string {
  const state = widget.entries()
  const labels = state['_options_labels']
  if (Array.isArray(labels)) {
    const chosen = [state['index']].flat().map((index) => labels[index as number])
    return chosen.filter((label) => label !== undefined).join(', ')
  }
  if (widget.kind === 'Output') return textOfOutputs(state['outputs'])
  const { value } = state
  if (ArrayBuffer.isView(value)) return value.byteLength > 0 ? `${value.byteLength} bytes` : ''
  if (Array.isArray(value)) return value.every((item) => typeof item !== 'object') ? value.join(' – ') : ''
  if (typeof value === 'string') return widget.kind.startsWith('HTML') ? textOfHtml(value) : value
  return value === undefined || value === null ? '' : String(value)
}

interface Line {
  label: string
  value: string
}
function* linesOf(widget: Shown, title = ''): Generator<Line> {
  const state = widget.entries()
  const children = Array.isArray(state['children']) ? state['children'].filter(isWidget) : undefined
  if (!children) {
    const label = String(state['description'] || title || '')
    const value = widget.kind === 'Password' ? '' : shorten(valueOf(widget))
    if (label || value) yield { label: shorten(label), value }
    return
  }
  const titles = Array.isArray(state['titles']) ? state['titles'] : []
  for (const [index, child] of children.entries()) yield* linesOf(child, String(titles[index] ?? ''))
}

const join = ({ label, value }: Line): string => (label && value ? `${label}: ${value}` : label || value)

export function staticText(widget: Shown): string {
  const lines = [...linesOf(widget)].map(join)
  return lines.length > 0 ? lines.join('\n') : widget.kind
}

export function staticHtml(widget: Shown): string {
  const lines = [...linesOf(widget)]
  if (lines.length === 0) return `<em>${escapeHtml(widget.kind)}</em>`
  const items = lines.map(({ label, value }) =>
    label && value ? `${escapeHtml(label)}: <b>${escapeHtml(value)}</b>` : escapeHtml(label || value),
  )
  return `<div>${items.join('<br>')}</div>`
}
