import { describe, InputError } from '../../errors.js'
import { maybeFiles } from '../../store/files.js'
import { forms, maybeWrong, type FormName, type Turn } from './forms.js'

/** Conversations as they can be given: see `conversations`. */
export type ConversationSource = string | readonly (object | readonly object[])[]

/** One conversation that can be learned of. */
export interface Conversation {
  /** Its own id, or its place in the source. */
  readonly id: string | number
  readonly turns: readonly Turn[]
}

/** What was left out, and why. */
export interface LeftOut {
  readonly id: string | number
  /** 'with two turns of one role behind each other (user)' */
  readonly reason: string
}

export interface Read {
  /** What it is called in messages. */
  name: string
  conversations: Conversation[]
  leftOut: LeftOut[]
  /** How many records each form has. */
  forms: { [form in FormName]?: number }
}

/** All conversations of a source. What cannot be learned of is told by `leftOut`. */
export function readSource(source: ConversationSource, where: string): Read {
  const { name, records } = typeof source === 'string' ? fromText(source, where) : listed(source, where)
  const read: Read = { name, conversations: [], leftOut: [], forms: {} }
  const taken = new Set<string | number>()
  for (const [place, record] of records.entries()) {
    const given = (record as { id?: unknown } | null)?.id
    const id = typeof given === 'string' || typeof given === 'number' ? given : place
    const { form, turns } = turnsOf(record, `${where}: ${place + 1} of ${records.length}`)
    read.forms[form] = (read.forms[form] ?? 0) + 1
    const wrong = typeof turns === 'string' ? `with ${turns}` : maybeWrong(turns)
    if (wrong !== undefined) read.leftOut.push({ id, reason: wrong })
    else {
      if (taken.has(id))
        throw new InputError({
          where,
          received: `the id ${describe(id)} twice`,
          expected: 'an id of its own for each conversation',
          fix: 'Leave ids out: places in the source are taken instead.',
        })
      taken.add(id)
      read.conversations.push({ id, turns: turns as Turn[] })
    }
  }
  return read
}

function turnsOf(record: unknown, where: string): { form: FormName; turns: Turn[] | string } {
  if (Array.isArray(record)) return { form: 'messages', turns: forms.messages.read({ messages: record }) }
  const expected = `one of ${Object.values(forms)
    .map(({ keys }) => keys)
    .join(', ')}`
  if (typeof record !== 'object' || record === null)
    throw new InputError({ where, received: describe(record), expected })
  const named = record as { [name: string]: unknown }
  for (const [form, { fits, read }] of Object.entries(forms))
    if (fits(named)) return { form: form as FormName, turns: read(named) }
  throw new InputError({
    where,
    received: `a record with ${
      Object.keys(named)
        .slice(0, 8)
        .map((key) => `'${key}'`)
        .join(', ') || 'nothing in it'
    }`,
    expected,
  })
}

function listed(source: unknown, where: string): { name: string; records: readonly unknown[] } {
  if (!Array.isArray(source))
    throw new InputError({
      where,
      received: describe(source),
      expected: 'conversations: a list of them, or a file of JSON lines',
      fix: "conversations([[{ role: 'user', content: 'Hello!' }, { role: 'assistant', content: 'Hi.' }]], tokenizer, { context: 128 }).",
    })
  // One conversation alone is easily given as if it were several.
  const first = source[0] as { role?: unknown; from?: unknown } | undefined
  if (first && !Array.isArray(first) && (first.role !== undefined || first.from !== undefined))
    throw new InputError({
      where,
      received: 'a list of turns',
      expected: 'a list of conversations',
      fix: 'Put brackets around it: conversations([turns], …).',
    })
  return { name: 'conversations', records: source }
}

/** A file of JSON lines or with one JSON list, or such a text itself. */
function fromText(text: string, where: string): { name: string; records: unknown[] } {
  if (/^\s*[[{]/.test(text)) return { name: 'conversations', records: parse(text, where) }
  const files = maybeFiles()
  if (!files) throw new InputError({ where, received: 'a place without files', expected: 'records' })
  if (files.kind(text) === undefined)
    throw new InputError({
      where,
      received: `no file ${describe(text)} (working folder ${files.folder})`,
      expected: 'a file of JSON lines, one conversation a line',
    })
  return { name: files.split(text).name.replace(/\.\w+$/, ''), records: parse(files.readText(text), text) }
}

function parse(text: string, where: string): unknown[] {
  const json = (part: string, at: string): unknown => {
    try {
      return JSON.parse(part)
    } catch (error) {
      throw new InputError(
        { where: at, received: (error as Error).message, expected: 'one JSON object' },
        { cause: error },
      )
    }
  }
  if (text.trimStart().startsWith('[') && !/^\s*\[.*\]\s*\n\s*\[/.test(text)) {
    const list = json(text, where)
    // A line alone is a conversation, if what it lists are turns.
    const first = (list as { role?: unknown }[])[0]
    return first?.role !== undefined ? [list] : (list as unknown[])
  }
  return text
    .split('\n')
    .flatMap((line, at) => (line.trim() === '' ? [] : [json(line, `${where}, line ${at + 1}`)]))
}
