import { describe, InputError } from '../errors.js'
import { beside } from '../host.js'
import { maybeFiles, type Files } from '../store/files.js'
import { decodeJson, encodeJson } from '../store/json.js'
import { acquire, isLockName, Lock, releaseLocks, signEvery, signLocks } from '../store/lock.js'
import type { Trial } from './trial.js'

/** What a study's folder says of the study. */
export interface StudyFile {
  readonly format: 1
  readonly name: string
  readonly space: { readonly [name: string]: unknown }
  readonly objectives: readonly { readonly name: string; readonly larger: boolean }[]
  readonly seeds: readonly number[]
}

/** A trial as its file has it. */
export interface TrialFile extends Omit<Trial, 'folder'> {
  /** Iterations at which its runs' calls ended, by the seed and the run's name: how far it is when it is taken up. */
  readonly calls: { readonly [run: string]: readonly number[] }
}

/** Where studies lie. A study's runs lie in the folders of its trials. */
const studies = 'sweeps'
const digits = 5
const trialName = /^\d{5,9}$/

/** Studies of this process that hold their folders, by its place: each leaves it when it is told to. */
const holders = new Map<string, () => Promise<void>>()

let signing = false
let leaving = false

/** The folder of a study, held by this process as long as the study is at work in it. */
export class StudyFolder {
  readonly path: string
  readonly #files: Files
  #lock: Lock | undefined

  private constructor(files: Files, path: string) {
    this.#files = files
    this.path = path
  }

  /** The folder of a study with this name, made where there is none; undefined where there is no file system. */
  static open(name: string): StudyFolder | undefined {
    const files = globalThis.process?.env?.GRADBOOK_RUNS === 'off' ? undefined : maybeFiles()
    return files && new StudyFolder(files, files.join(studies, name))
  }

  /** Where the runs of a trial lie. */
  of(number: number): string {
    return this.#files.join(this.path, String(number).padStart(digits, '0'))
  }

  /**
   * Holds it for whoever `leave`s when another study of this process wants it: a cell that is run again makes a new one.
   *
   * @returns whether somebody else may have written there since it was read.
   * @throws InputError where another process works on it.
   */
  async take(where: string, leave: () => Promise<void>): Promise<boolean> {
    if (this.#lock?.holds()) return false
    this.#files.claim(this.path)
    const place = this.#files.real(this.path)
    await holders.get(place)?.()
    const lock = acquire(this.#files, this.path)
    if (!(lock instanceof Lock)) {
      const { holder } = lock
      throw new InputError({
        where,
        received: `a study on which another process works${holder ? ` (${holder.pid} on ${holder.host})` : ''}: ${this.path}`,
        expected: 'one process at a time',
        fix: 'Stop it there, or give this study another name.',
      })
    }
    this.#lock = lock
    holders.set(place, async () => {
      holders.delete(place)
      await leave()
      this.#lock?.release()
      this.#lock = undefined
    })
    if (!signing) {
      signing = true
      beside(() => setInterval(signLocks, signEvery)).unref?.()
    }
    if (!leaving) {
      leaving = true
      globalThis.process?.once?.('exit', releaseLocks)
    }
    return true
  }

  /** Another may work on it from now on. */
  async release(): Promise<void> {
    if (this.#lock) await holders.get(this.#files.real(this.path))?.()
  }

  /** What stands there; undefined where nothing does. @throws InputError for what is no study's. */
  read(where: string): { study: StudyFile; trials: TrialFile[] } | undefined {
    const file = this.#files.join(this.path, 'study.json')
    if (!this.#files.exists(file)) return undefined
    const study = this.#parse(file, where, isStudyFile)
    const trials = this.#files
      .list(this.path)
      .filter((name) => trialName.test(name))
      .map((name) => this.#files.join(this.path, name, 'trial.json'))
      // Of one that was ended before its first word there is a folder alone.
      .filter((one) => this.#files.exists(one))
      .map((one) => this.#parse(one, where, isTrialFile))
      .toSorted((a, b) => a.number - b.number)
    return { study, trials }
  }

  #parse<T>(file: string, where: string, ok: (value: unknown) => value is T): T {
    let value: unknown
    try {
      value = decodeJson(this.#files.readText(file))
    } catch (error) {
      throw new InputError({
        where: `${where}, ${file}`,
        received: (error as Error).message,
        expected: 'JSON',
      })
    }
    if (ok(value)) return value
    throw new InputError({
      where: `${where}, ${file}`,
      received: describe(value),
      expected: 'what a study of this version of gradbook writes there',
    })
  }

  write(study: StudyFile): void {
    this.#files.claim(this.path)
    this.#files.write(this.#files.join(this.path, 'study.json'), `${JSON.stringify(study, null, 2)}\n`)
  }

  /** Copies the runs of a trial as they are on disk, for another one to go on from. */
  branch(from: number, to: number): void {
    const copy = (source: string, target: string): void => {
      this.#files.claim(target)
      for (const name of this.#files.list(source)) {
        const [one, other] = [this.#files.join(source, name), this.#files.join(target, name)]
        const kind = this.#files.kind(one)
        if (kind === 'folder') copy(one, other)
        // A copy of a lock locks nothing: it names the folder that it is of.
        else if (kind === 'file' && name !== 'trial.json' && !isLockName(name))
          this.#files.write(other, this.#files.read(one))
      }
    }
    copy(this.of(from), this.of(to))
  }

  writeTrial(trial: TrialFile): void {
    const folder = this.of(trial.number)
    this.#files.claim(folder)
    this.#files.write(this.#files.join(folder, 'trial.json'), `${encodeJson(trial)}\n`)
  }
}

type Fields = { readonly [name: string]: unknown }
const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0
const areNumbers = (value: unknown) =>
  isRecord(value) && Object.values(value).every((one) => typeof one === 'number')
const states: readonly unknown[] = ['running', 'waiting', 'complete', 'pruned', 'failed']

const isStudyFile = (value: unknown): value is StudyFile =>
  isRecord(value) &&
  value.format === 1 &&
  typeof value.name === 'string' &&
  isRecord(value.space) &&
  Array.isArray(value.objectives) &&
  value.objectives.every((one) => typeof one?.name === 'string' && typeof one.larger === 'boolean') &&
  Array.isArray(value.seeds) &&
  value.seeds.every((one) => typeof one === 'number')

const isTrialFile = (value: unknown): value is TrialFile =>
  isRecord(value) &&
  isCount(value.number) &&
  isRecord(value.parameters) &&
  states.includes(value.state) &&
  areNumbers(value.values) &&
  Array.isArray(value.seeds) &&
  value.seeds.every((one) => typeof one?.seed === 'number' && areNumbers(one.values)) &&
  Array.isArray(value.reports) &&
  value.reports.every((one) => areNumbers(one) && isCount(one.iteration)) &&
  typeof value.milliseconds === 'number' &&
  (value.message === undefined || typeof value.message === 'string') &&
  (value.branch === undefined ||
    (isRecord(value.branch) &&
      isCount(value.branch.member) &&
      isCount(value.branch.until) &&
      (value.branch.from === undefined || isCount(value.branch.from)))) &&
  isRecord(value.calls) &&
  Object.values(value.calls).every((one) => Array.isArray(one) && one.every(isCount))
