/**
 * A folder that one process at a time writes to. Its lock is a file, `lock-N.json`, that says who holds it. Whoever comes makes
 * the next number, which the file system gives to one alone (O_EXCL, on network file systems too), and steps back where
 * somebody else has a lock by then that is not known to be over: so no lock of others is ever removed to make room, and of
 * many that take over from a dead process one gets it.
 *
 * Whether the holder lives is known where it is, or was, a process of this machine since its start, and of the same container:
 * by its id and the time it began, as ids are used again. Of others the only sign is that they write their lock anew.
 */
import { unfinishedName } from '../whole-file.js'
import type { Files } from './files.js'
import { isRunning, thisProcess, type ProcessName } from './process.js'

/** Milliseconds between two signs of life. */
export const signEvery = 20_000
/** Milliseconds without one after which a holder elsewhere is taken for gone. More than the minute for which NFS may keep a file's age. */
export const silentFor = 180_000

/** Who holds a lock, as its file says it. */
export interface Holder extends ProcessName {
  token: string
  /** Of the folder, links followed: a copy of it is not held. */
  folder: string
  since: string
}

/** A lock that somebody else has. */
export interface Taken {
  file: string
  /** undefined where the file does not say. */
  holder: Holder | undefined
  /** Whether the holder is known to live; else it is elsewhere, and gave its last sign so many milliseconds ago. */
  alive: boolean
  silent: number
}

const pattern = /^lock-(\d{1,9})\.json$/

export const isLockName = (name: string): boolean => pattern.test(name)

/** Those of this process, by token. */
const own = new Map<string, Lock>()

/** A lock that is held. */
export class Lock {
  readonly holder: Holder
  readonly file: string
  readonly #files: Files
  readonly #folder: string
  readonly #number: number
  readonly #text: string
  #signed = Date.now()
  #looked = Date.now()

  constructor(files: Files, folder: string, number: number, holder: Holder, text: string) {
    this.#files = files
    this.#folder = folder
    this.#number = number
    this.holder = holder
    this.file = fileOf(files, folder, number)
    this.#text = text
    own.set(holder.token, this)
  }

  /**
   * Whether it is still held: nobody took over, which they may where this process was silent for long. Gives a sign of life.
   *
   * @param within what was seen so many milliseconds ago is taken for true.
   */
  holds(within = 0): boolean {
    if (!own.has(this.holder.token)) return false
    if (Math.abs(Date.now() - this.#looked) < within) return true
    const numbers = numbersIn(this.#files, this.#folder)
    try {
      if (numbers.at(-1) !== this.#number || this.#files.readText(this.file) !== this.#text)
        return this.#lost()
      if (Math.abs(Date.now() - this.#signed) >= signEvery / 2) {
        this.#files.renew(this.file, this.#text)
        this.#signed = Date.now()
      }
    } catch {
      return this.#lost()
    }
    this.#looked = Date.now()
    return true
  }

  #lost(): false {
    own.delete(this.holder.token)
    return false
  }

  /** Where the folder was moved its lock went along, and says by the folder that it is over. */
  release(): void {
    if (this.holds()) this.#files.removeFile(this.file)
    own.delete(this.holder.token)
  }
}

/** Gives a sign of life for every lock of this process. */
export function signLocks(): void {
  for (const lock of own.values()) lock.holds()
}

export function releaseLocks(): void {
  for (const lock of own.values())
    try {
      lock.release()
    } catch {
      // Its file stays, and says by the process that it is over.
    }
}

/** Who holds the folder; undefined where nobody does who may still live. */
export function maybeTaken(files: Files, folder: string): Taken | undefined {
  const top = numbersIn(files, folder).at(-1)
  return top === undefined ? undefined : takenAt(files, folder, top)?.taken
}

/** The lock of a folder, or who has it. @throws where the folder cannot be written to. */
export function acquire(files: Files, folder: string): Lock | Taken {
  for (let attempt = 0; ; attempt++) {
    const over = new Map<number, string>()
    for (const number of numbersIn(files, folder)) {
      const found = takenAt(files, folder, number)
      if (found?.taken) return found.taken
      if (found) over.set(number, found.text)
    }
    const number = Math.max(0, ...over.keys()) + 1
    const holder: Holder = {
      ...thisProcess(),
      token: crypto.randomUUID(),
      folder: files.real(folder),
      since: new Date().toISOString(),
    }
    const text = `${JSON.stringify(holder, null, 2)}\n`
    const file = fileOf(files, folder, number)
    if (files.create(file, text)) {
      const others = numbersIn(files, folder).filter((other) => other !== number)
      const first = others.every(
        (other) => other < number && over.get(other) === textOf(files, folder, other),
      )
      if (first) {
        for (const other of others) files.removeFile(fileOf(files, folder, other))
        return new Lock(files, folder, number, holder, text)
      }
      files.removeFile(file)
    }
    // Somebody else was here at the same moment.
    if (attempt === 20) return { file, holder: undefined, alive: true, silent: 0 }
    pause(5 + 40 * Math.random())
  }
}

const fileOf = (files: Files, folder: string, number: number): string =>
  files.join(folder, `lock-${number}.json`)

/** The numbers of the locks in a folder, the lowest first. What is no file is nobody's lock, but has the number. */
function numbersIn(files: Files, folder: string): number[] {
  return files
    .list(folder)
    .flatMap((name) => {
      const number = pattern.exec(name)?.[1]
      return number === undefined ? [] : [Number(number)]
    })
    .toSorted((a, b) => a - b)
}

function textOf(files: Files, folder: string, number: number): string {
  try {
    return files.readText(fileOf(files, folder, number))
  } catch {
    return ''
  }
}

/** What a lock says; undefined where it is gone by now. */
function takenAt(
  files: Files,
  folder: string,
  number: number,
): { text: string; taken: Taken | undefined } | undefined {
  const file = fileOf(files, folder, number)
  const kind = files.kind(file)
  if (kind === undefined) return undefined
  if (kind !== 'file') return { text: '', taken: undefined }
  let text = textOf(files, folder, number)
  let holder = maybeHolder(text)
  // It is made first and written then.
  for (let wait = !holder && ageOf(files, file) < 2000 ? 50 : 0; !holder && wait > 0; wait--) {
    pause(20)
    text = textOf(files, folder, number)
    holder = maybeHolder(text)
  }
  if (files.kind(file) === undefined) return undefined
  if (!holder) return { text, taken: silentOr(files, file, undefined) }
  const running = own.has(holder.token) || isRunning(holder)
  if (running === false) return { text, taken: undefined }
  if (running === undefined) return { text, taken: silentOr(files, file, holder) }
  // A copy of the folder has a copy of the lock.
  return {
    text,
    taken: isPlace(files, folder, holder) ? { file, holder, alive: true, silent: 0 } : undefined,
  }
}

const isPlace = (files: Files, folder: string, holder: Holder): boolean =>
  files.real(folder) === holder.folder

function silentOr(files: Files, file: string, holder: Holder | undefined): Taken | undefined {
  const silent = ageOf(files, file)
  return silent > silentFor ? undefined : { file, holder, alive: false, silent: Math.max(0, silent) }
}

/** By the clock of whoever keeps the files, which another machine's need not agree with. */
function ageOf(files: Files, file: string): number {
  const probe = unfinishedName(file)
  let now = Date.now()
  try {
    if (files.create(probe, '')) now = files.modified(probe)
    files.removeFile(probe)
  } catch {
    // Where nothing can be written nothing will be locked.
  }
  return now - files.modified(file)
}

function maybeHolder(text: string): Holder | undefined {
  try {
    const found = JSON.parse(text) as Partial<Holder> | null
    const texts = [found?.token, found?.host, found?.machine, found?.folder, found?.since]
    const whole = texts.every((value) => typeof value === 'string') && Number.isSafeInteger(found?.pid)
    return whole && (found!.started === null || typeof found!.started === 'string')
      ? (found as Holder)
      : undefined
  } catch {
    return undefined
  }
}

/** Holds the thread: what locks is synchronous, as all that writes is. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}
