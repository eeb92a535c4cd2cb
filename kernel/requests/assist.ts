/** Completion, inspection and completeness: answered by the type service, in this thread, also while a cell runs. */
import type { Looked } from '../port.js'
import { findChainAt, findLivePlace, writeMember, type LivePlace } from '../language/answers/chain.js'
import { findInspected } from '../language/answers/inspect.js'
import type { Completion, Completions, Inspection, Language } from '../language/types.js'
import type { Subshells } from './cells/subshells.js'
import type { Handler } from './handler.js'
import type { Questions } from './questions.js'
import { toWireBundle } from './wire-bundle.js'

export interface AssistUses {
  language: Promise<Language>
  questions: Questions
  subshells: Subshells
}

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

/** Milliseconds for which the main thread is waited for: a cell that it runs may keep it for good. */
const patience = { idle: 1_000, running: 150 }
const patienceOf = ({ subshells }: AssistUses): number =>
  subshells.running.length > 0 ? patience.running : patience.idle

/** Live members of the value behind which the cursor stands: none while a cell runs, which would be waited for. */
async function maybeLiveMembers(
  { subshells, questions }: AssistUses,
  place: LivePlace | undefined,
): Promise<{ isOpen: boolean; items: Completion[] }> {
  if (!place || subshells.running.length > 0) return { isOpen: false, items: [] }
  const keysOnly = place.in === '"' || place.in === "'"
  const found = await questions.look(place.chain, patience.idle, { prefix: place.prefix, keysOnly })
  const items = (found?.members ?? []).map(({ name, kind, type }) => ({
    text: name,
    type: kind,
    signature: kind === 'function' ? `${name}${type.startsWith('(') ? type : ''}` : `${name}: ${type}`,
  }))
  return { isOpen: found?.isOpen === true, items }
}

/** What the types say, and what is there beside: of a value typed `any` or by its keys alone they say nothing. */
function withLive(
  typed: Completions,
  live: readonly Completion[],
  place: LivePlace,
  text: string,
): Completions {
  if (live.length === 0) return typed
  const items = typed.items.map((item) => ({ ...item, start: typed.start }))
  const least = Math.min(typed.start, place.start)
  const whole = (item: { start: number; text: string }) => text.slice(least, item.start) + item.text
  // `found?.id` is `found.id` for who knows that it is there.
  const bare = (written: string) => written.replace(/^\?\.(?=\[)/, '').replace(/^\?\./, '.')
  const known = new Set(items.map((item) => bare(whole(item))))
  for (const item of live) {
    const written = { ...item, ...writeMember(item.text, place, text) }
    if (!known.has(bare(whole(written)))) items.push(written)
  }
  // What begins later is written with what stands before it.
  const start = Math.min(...items.map((item) => item.start))
  return {
    start,
    end: Math.max(typed.end, place.end),
    items: items.map((item) => ({ ...item, text: text.slice(start, item.start) + item.text })),
  }
}

export const onComplete =
  (uses: AssistUses): Handler =>
  async ({ message }) => {
    const { text, offset } = cursorOf(message.content)
    const place = findLivePlace(text, offset)
    const [typed, live] = await Promise.all([
      uses.language.then((language) => language.complete(text, offset)),
      maybeLiveMembers(uses, place),
    ])
    // Of what has types of its own these say all: what it holds beside is nobody's business.
    const isAsked = place && (typed.items.length === 0 || live.isOpen)
    const { start, end, items } = isAsked ? withLive(typed, live.items, place, text) : typed
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

/** What to look at where the types say no more than `any`, if they say anything. */
const isVague = ({ signature }: Inspection): boolean => /(?:^|[\s:])any$/.test(signature)

export const onInspect =
  (uses: AssistUses): Handler =>
  async ({ message }) => {
    const { text, offset } = cursorOf(message.content)
    const typed = await (await uses.language).inspect(text, offset)
    const chains = typed?.expression
      ? [typed.expression.split('.')]
      : !typed || isVague(typed)
        ? findInspected(text, offset).map((place) => findChainAt(text, place))
        : []
    let chain: string[] | undefined
    let live: Looked | undefined
    for (const one of chains) {
      live = one && (await uses.questions.look((chain = one), patienceOf(uses)))
      if (live) break
    }
    if (!typed && !live?.shown) return { status: 'ok', found: false, data: {}, metadata: {} }
    const name = chain?.at(-1) ?? ''
    const described = live?.type?.startsWith('(')
      ? `function ${name}${live.type.replace(/ => any$/, ': any')}`
      : `${name}: ${live?.type}`
    const signature = typed && !(live && isVague(typed)) ? typed.signature : described
    const documentation = typed?.documentation ?? ''
    const whole =
      live?.shown && String((await toWireBundle(live.shown, { picture: false })).data['text/plain'] ?? '')
    // Of a function the declaration says more than its value.
    const isSaid =
      whole === undefined || /^\[(?:class|(?:Async|Generator|AsyncGenerator)?Function)\b[^\n]*\]$/.test(whole)
    const value = isSaid ? '' : shorten(whole, message.content.detail_level === 0 ? 600 : 4_000)
    const markdown = [
      `\`\`\`typescript\n${signature}\n\`\`\``,
      value && `\`\`\`\n${value}\n\`\`\``,
      documentation,
    ]
    const plain = [signature, value, documentation]
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

export const onIsComplete =
  ({ language }: Pick<AssistUses, 'language'>): Handler =>
  async ({ message }) => {
    const { status, indent } = (await language).isComplete(String(message.content.code ?? ''))
    return status === 'incomplete' ? { status, indent } : { status }
  }
