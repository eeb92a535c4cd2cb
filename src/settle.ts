/**
 * The one door for what is changed for a while and put back: a patched function, a lent value, a recording, an open scope.
 * A host may end JavaScript between any two lines (Stop in a notebook, a time limit), and `catch` and `finally` are skipped
 * then. So how to put things back is written down here before they are changed, and whoever finds it left does so:
 *
 * - `settle`, by a host that has ended JavaScript: nothing that the stack held runs any more;
 * - `settleLeft`, by every public function that such a change could mislead: what is not on the stack it is called from;
 * - `settleOf`, by whoever gives up work that was waiting: what was changed across its awaits.
 *
 * The list hangs on a global symbol, so that two copies of gradbook in one process, and the kernel, share it. To put back must
 * be possible twice, and before the change was made: it may itself be ended in the middle.
 */
/** `left`: the work did not come to its end, nor threw. */
type Restore = (left: boolean) => void

interface Change {
  restore: Restore
  /** Whether it has a frame on the stack, or lives in that of the change before it. */
  readonly framed: boolean
}

interface Door {
  /** What is changed on the stack that runs now, the latest last. */
  readonly open: Change[]
  /** What is changed across awaits, and for whom. */
  readonly waiting: Set<{ readonly owner: object | undefined; restore(): void }>
  /** Depth of work that shall not be ended in the middle: a host that can wait for its end does. */
  atomic: number
  /** Whether a host waits for that. */
  awaited?: boolean
  /** Whom the running code works for, where a host knows. */
  owner?: () => object | undefined
}

const key = Symbol.for('gradbook.settle')
const door: Door = ((globalThis as { [key]?: Door })[key] ??= { open: [], waiting: new Set(), atomic: 0 })

/**
 * What an inspector evaluates where JavaScript stands still, to know whether it may be ended there. Where it may not it will
 * stand still again as soon as it may.
 */
export const mayEnd = `((door) => !(door?.atomic > 0) || !(door.awaited = true))(globalThis[Symbol.for('gradbook.settle')])`

/** In place of what was put back out of turn. */
const over: Change = { restore() {}, framed: false }

type Frame = (work: () => unknown) => unknown
/** Functions that differ in their names alone, by place in `open`: they are how a change is found on the stack. */
const frames: Frame[] = []
const prefix = 'gradbook change '

function frameAt(depth: number): Frame {
  const name = `${prefix}${depth}`
  return (frames[depth] ??= { [name]: (work: () => unknown) => work() }[name]!)
}

/**
 * Runs `work`, which changes something for its own time alone and awaits nothing; then, or when it was ended in the middle,
 * `restore` is called.
 *
 * @example during(() => void (Math.random = before), () => { Math.random = ours; return work() })
 */
export function during<T>(restore: Restore, work: () => T): T {
  const { open } = door
  const depth = open.length
  open.push({ restore, framed: true })
  try {
    return frameAt(depth)(work) as T
  } finally {
    putBack(depth, false)
  }
}

/** The same, inside of a `during`, for a change that is put back before its end: by the function that is given. */
export function temporary(restore: Restore): () => void {
  const { open } = door
  const change: Change = { restore, framed: false }
  open.push(change)
  return () => {
    const at = open.lastIndexOf(change)
    if (at < 0) return
    try {
      restore(false)
    } finally {
      if (at === open.length - 1) open.pop()
      else open[at] = over
    }
  }
}

/** Puts back all from this place on, the latest first. What cannot be put back does not keep the rest from it. `left`: also the first. */
function putBack(from: number, left: boolean): void {
  const { open } = door
  let failed: { error: unknown } | undefined
  while (open.length > from || open.at(-1) === over) {
    try {
      open.at(-1)!.restore(left || open.length > from + 1)
    } catch (error) {
      failed ??= { error }
    }
    open.pop()
  }
  if (failed) throw failed.error
}

/** For a host that has ended JavaScript, once nothing of it can run any more: puts back all that its stack has left. */
export function settle(): void {
  door.atomic = 0
  putBack(0, true)
}

/** Puts back what was left by work that is not on the stack any more. Free where nothing is open. */
export function settleLeft(): void {
  const { open } = door
  if (open.length === 0) return
  const onStack = findOnStack()
  if (!onStack) return
  // What has no frame of its own before any that has: nobody can say.
  let isAlive = true
  const left: number[] = []
  for (const [at, { framed }] of open.entries()) {
    if (framed) isAlive = onStack.has(at)
    if (!isAlive) left.push(at)
  }
  for (const at of left.toReversed()) {
    open[at]!.restore(true)
    open[at] = over
  }
  while (open.at(-1) === over) open.pop()
}

/** Places of the changes whose frames are on the stack; undefined where the engine does not tell, which then ends nothing by force either. */
function findOnStack(): Set<number> | undefined {
  if (typeof Error.captureStackTrace !== 'function') return undefined
  const found = new Set<number>()
  const { stackTraceLimit, prepareStackTrace } = Error
  const before = (): void => {
    Error.stackTraceLimit = stackTraceLimit
    Error.prepareStackTrace = prepareStackTrace
  }
  const change: Change = { restore: before, framed: true }
  door.open.push(change)
  Error.stackTraceLimit = Infinity
  Error.prepareStackTrace = (_, sites) => {
    for (const site of sites) {
      const name = site.getFunctionName()
      if (name?.startsWith(prefix)) found.add(Number(name.slice(prefix.length)))
    }
    return ''
  }
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder)
  // It is formatted when it is read.
  void holder.stack
  before()
  door.open.pop()
  return found
}

/**
 * Work that host and Stop leave whole where they can: a notebook ends JavaScript before or after it. It must be short, and call
 * nothing of the user's.
 */
export function atomically<T>(work: () => T): T {
  const { atomic } = door
  door.atomic++
  try {
    return work()
  } finally {
    leaveAtomic(atomic)
  }
}

/** Back at this depth. For a host that waits for the outermost JavaScript stands still here: there is a moment, and the next work of the kind may begin at once. */
function leaveAtomic(depth: number): void {
  door.atomic = depth
  if (depth > 0 || !door.awaited) return
  door.awaited = false
  // oxlint-disable-next-line no-debugger
  debugger
}

/** A host says whom the running code works for: the abort signal of its cell. */
export function setOwner(find: () => object | undefined): void {
  door.owner = find
}

/**
 * Runs work that comes to a point from which on it shall be left whole, to its end: there it calls the function that it is
 * given.
 */
export function committing<T>(work: (commit: () => void) => T): T {
  const { atomic } = door
  try {
    return work(() => void (door.atomic = atomic + 1))
  } finally {
    leaveAtomic(atomic)
  }
}

/**
 * Writes down what is changed across awaits: `restore` is called when `settleOf(owner)` says that its work waits for good. The
 * function that is given takes it off the list, and gives whether it was still on it.
 *
 * @param owner a run, or the abort signal of a cell; by default that of the running code.
 */
export function whileWaiting(restore: () => void, owner = door.owner?.()): () => boolean {
  const change = { owner, restore }
  door.waiting.add(change)
  return () => door.waiting.delete(change)
}

/** Puts back what was changed across awaits by work of `owner` that is given up: the latest first. */
export function settleOf(owner: object): void {
  for (const change of [...door.waiting].toReversed()) {
    if (change.owner !== owner) continue
    change.restore()
    door.waiting.delete(change)
  }
}

/** Whether something is changed across awaits by work of `owner`. */
export function isWaiting(owner: object): boolean {
  return [...door.waiting].some((change) => change.owner === owner)
}
