/**
 * Stop ends JavaScript past every `finally`. What is changed for a while and put back is written down at one door,
 * `src/settle.ts`; a `finally` may end what was made (dispose, close, a timer), and nothing else.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** Where JavaScript runs that Stop may end: the library, and the kernel's main thread. */
const rooms = ['src', 'kernel/engine', 'kernel/cell', 'kernel/tslab']

/** Calls that end what the function itself has made. */
const ends = new Set('dispose close closeSync destroy finalize clearTimeout clearInterval flush'.split(' '))

/** A `finally` that is right as it is, and why. */
const known: { readonly [file: string]: string } = {
  'src/settle.ts': 'the door',
  'src/backend/tfjs/engine.ts':
    'as tfjs has it around each kernel: markEngine goes back where it was skipped',
  'src/backend/random/keyed.ts': 'of an asynchronous work: whileWaiting has it',
  'src/backend/tfjs/fitting.ts': 'takes it off the list of what waits',
  'src/hosts/questions.ts': 'ends a line on a terminal, where nothing stops by force',
  'src/widgets/interact.ts': 'given up by whileWaiting',
  'src/backend/compile/replay/follower.ts': 'a count of its own: one lasts as long as one call',
  'src/text/dialogue/chat.ts': 'the answer that is being written: given up by whileWaiting',
  'src/sweep/search/python.ts': 'whether this process stays for its child: a hint to the event loop',
  'src/sweep/study.ts': 'what it is at is given up by whileWaiting; listeners of its own',
  'src/sweep/engines/local.ts': 'a count of its own: what it awaits ends within a second of Stop',
  'src/sweep/engines/ray.ts': 'a count of its own: what it awaits ends within a second of Stop',
  'src/train/held/held.ts': 'ends the tensors of a copy that it made',
  'src/train/run/check.ts': 'ends a copy that it made: whileWaiting does so where it is given up',
  'src/train/step/made.ts': 'ends what it made',
  'src/train/step/own-iteration.ts':
    'lets the next iteration go on: whileWaiting does so where it is given up',
  'src/train/run/rounds.ts': 'the order is given back by whileWaiting',
  'src/train/run/loop.ts': 'the last view: Turns shows it where the call is given up',
  'src/train/run/timeline.ts': 'the list of calls: Turns clears it where one is given up',
  'src/train/run/turns.ts': 'the end of a call: Turns tells of one that is given up',
  'src/train/run/background.ts': 'the piece that goes on: given up by whileWaiting, or by its silence',
  'src/train/run/announce.ts':
    'the list of calls that make runs: whileWaiting takes it off where it is given up',
  'src/train/disk/take.ts': 'a lock of this process, which takes it again',
  'src/panel/serve.ts': 'a controller of training: forgotten after a termination',
  'src/text/shards/shards.ts': 'a lock and a thread: whileWaiting lets both go',
  'kernel/engine/running/child-processes.ts': 'tells that a child has ended',
  'kernel/engine/io/input.ts': 'the question: Stop gives it up with an error',
  'kernel/engine/running/limited.ts': 'catches a termination itself',
  'kernel/engine/modules/once.ts': 'what is loading: looked through after a termination',
  'kernel/engine/io/output.ts': 'streams are opened again after a termination',
  'kernel/engine/modules/required-typescript.ts': 'the same of local files',
  'kernel/engine/running/timers.ts': 'the immediate that runs: looked at around a termination',
}

interface Node {
  type: string
  start: number
  [key: string]: any
}

function* nodesOf(node: unknown): Generator<Node> {
  if (Array.isArray(node)) for (const one of node) yield* nodesOf(one)
  else if (node !== null && typeof node === 'object') {
    if (typeof (node as Node).type === 'string') yield node as Node
    for (const value of Object.values(node)) yield* nodesOf(value)
  }
}

const calledAs = ({ callee }: Node): string | undefined => callee?.property?.name ?? callee?.name

/** What a `finally` does beside ending what was made, as text; undefined: nothing. */
function findRestored(body: unknown, text: string): string | undefined {
  for (const node of nodesOf(body)) {
    const isChange =
      node.type === 'AssignmentExpression' ||
      node.type === 'UpdateExpression' ||
      (node.type === 'UnaryExpression' && node.operator === 'delete') ||
      (node.type === 'CallExpression' && !ends.has(calledAs(node) ?? ''))
    if (isChange) return text.slice(node.start, node.end).split('\n', 1)[0]
  }
  return undefined
}

/** Each `finally` of a program that does more, with its line. */
function findUnsettled(text: string, file = 'a.ts'): string[] {
  const { program } = parseSync(file, text)
  const found: string[] = []
  for (const node of nodesOf(program)) {
    const isPromise = node.type === 'CallExpression' && calledAs(node) === 'finally'
    const body = node.type === 'TryStatement' ? node.finalizer : isPromise ? node.arguments : undefined
    const restored = body && findRestored(body, text)
    if (restored) found.push(`line ${text.slice(0, node.start).split('\n').length}: ${restored}`)
  }
  return found
}

const files = rooms.flatMap((room) =>
  readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => `${room}/${file.replaceAll('\\', '/')}`),
)

describe('a finally', () => {
  it.each([
    ['{ shared.value = before }', true],
    ['{ current = before }', true],
    ['{ users-- }', true],
    ['{ delete layer.call }', true],
    ['{ Object.defineProperty(layer, "call", own) }', true],
    ['{ order.restore(cursor) }', true],
    ['{ variable.assign(before) }', true],
    ['{ session.dispose(); clearTimeout(timer) }', false],
    ['{ for (const one of made) one.dispose() }', false],
  ])('with %s is told apart', (body, isFound) => {
    expect(findUnsettled(`function f() { try { work() } finally ${body} }`).length > 0).toBe(isFound)
    expect(findUnsettled(`work().finally(() => ${body})`).length > 0).toBe(isFound)
  })

  const found = new Map(
    files.flatMap((file) => {
      const lines = findUnsettled(readFileSync(join(root, file), 'utf8'), file)
      return lines.length > 0 ? [[file, lines] as const] : []
    }),
  )

  it('restores nothing that is shared: that is done with during, temporary or whileWaiting of src/settle.ts', () => {
    expect(files.length).toBeGreaterThan(300)
    const unknown = [...found].filter(([file]) => !(file in known))
    expect(Object.fromEntries(unknown)).toEqual({})
  })

  it('that is excused is still there', () => {
    expect(Object.keys(known).filter((file) => !found.has(file))).toEqual([])
  })
})
