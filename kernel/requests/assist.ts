/** Completion, inspection and completeness: answered by the type service, in this thread, also while a cell runs. */
import type { Shown } from '../port.js'
import type { Handler, Kernel } from './kernel.js'
import { toWireBundle } from './values.js'

/** Front ends count cursor positions in code points, TypeScript in UTF-16 units. */
export function toUtf16(text: string, codePoints: number): number {
  let offset = 0
  for (let count = 0; count < codePoints && offset < text.length; count++)
    offset += text.codePointAt(offset)! > 0xffff ? 2 : 1
  return offset
}

/** The inverse of `toUtf16`. */
export function toCodePoints(text: string, offset: number): number {
  let count = 0
  for (let at = 0; at < offset && at < text.length; count++) at += text.codePointAt(at)! > 0xffff ? 2 : 1
  return count
}

function cursorOf(content: Record<string, any>): { text: string; offset: number } {
  const text = String(content.code ?? '')
  const position = typeof content.cursor_pos === 'number' ? content.cursor_pos : Infinity
  return { text, offset: toUtf16(text, position) }
}

export const onComplete: Handler = async ({ message }, { language }) => {
  const { text, offset } = cursorOf(message.content)
  const { start, end, items } = await (await language).complete(text, offset)
  const cursor_start = toCodePoints(text, start)
  const cursor_end = toCodePoints(text, end)
  return {
    status: 'ok',
    matches: items.map((item) => item.text),
    cursor_start,
    cursor_end,
    metadata: {
      _jupyter_types_experimental: items.map((item) => ({
        start: cursor_start,
        end: cursor_end,
        text: item.text,
        type: item.type,
        ...(item.signature === undefined ? {} : { signature: item.signature }),
        ...(item.documentation === undefined ? {} : { documentation: item.documentation }),
      })),
    },
  }
}

/** The live value takes part only if the main thread answers at once: it may be running a cell. */
const lookFor = 150

async function maybeLiveValue(kernel: Kernel, expression: string | undefined): Promise<Shown | undefined> {
  if (expression === undefined) return undefined
  return kernel.questions.look(expression, lookFor)
}

export const onInspect: Handler = async ({ message }, kernel) => {
  const { text, offset } = cursorOf(message.content)
  const found = await (await kernel.language).inspect(text, offset)
  if (!found) return { status: 'ok', found: false, data: {}, metadata: {} }
  const shown = await maybeLiveValue(kernel, found.expression)
  const whole = shown && String((await toWireBundle(shown, { picture: false })).data['text/plain'] ?? '')
  // Of a function the declaration says more than its value.
  const isSaid =
    whole === undefined || /^\[(?:class|(?:Async|Generator|AsyncGenerator)?Function)\b[^\n]*\]$/.test(whole)
  const value = isSaid ? '' : shorten(whole, message.content.detail_level === 0 ? 600 : 4_000)
  const markdown = [
    `\`\`\`typescript\n${found.signature}\n\`\`\``,
    value && `\`\`\`\n${value}\n\`\`\``,
    found.documentation,
  ]
  const plain = [found.signature, value, found.documentation]
  const join = (parts: string[]): string => parts.filter((part) => part !== '').join('\n\n')
  return {
    status: 'ok',
    found: true,
    data: { 'text/markdown': join(markdown), 'text/plain': join(plain) },
    metadata: {},
  }
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text
}

export const onIsComplete: Handler = async ({ message }, { language }) => {
  const { status, indent } = (await language).isComplete(String(message.content.code ?? ''))
  return status === 'incomplete' ? { status, indent } : { status }
}
