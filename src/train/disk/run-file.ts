import * as tf from '@tensorflow/tfjs'
import { InputError } from '../../errors.js'
import type { Files } from '../../store/files.js'
import { count, dictionary, list, maybe, number, object, oneOf, text } from '../../store/shape.js'
import type { OwnModel } from '../model/own.js'
import type { Core } from '../state/core.js'
import { recordOf } from '../rules/recorded.js'

/** A cell that trained, and the iteration it went on from. */
interface Cell {
  number: number
  source: string
  from: number
}

/** What is in `run.json`. */
export interface RunFile {
  format: 'gradbook.run/1'
  id: string
  name: string
  pid: number
  written: string
  iteration: number
  /** Of the newest snapshot, in `snapshots/`. */
  snapshot: string | null
  parent?: { name: string; iteration: number }
  [more: string]: unknown
}

/** What `run.json` says of a run, in whichever folder it is written. */
export class RunRecord {
  readonly #core: Core
  readonly id: string
  readonly parent: RunFile['parent']
  #details: { [name: string]: unknown } | undefined
  /** What the details are of: another stage has others. */
  #of: Core['parts'] | undefined
  #carried: { [name: string]: unknown } | undefined
  readonly #cells: Cell[] = []

  constructor(core: Core, { id, parent }: { id?: string; parent?: RunFile['parent'] }) {
    this.#core = core
    this.id = id ?? crypto.randomUUID()
    this.parent = parent
  }

  /** What the file of the process before says stays in it. */
  carryOn(file: RunFile): void {
    if (Array.isArray(file.cells)) this.#cells.push(...(file.cells as Cell[]))
    const kept = ['model', 'parameters', 'data', 'evaluateOn', 'versions', 'backend', 'machine'] as const
    this.#carried = Object.fromEntries(kept.map((name) => [name, file[name]]))
  }

  /** Takes down that this cell goes on with the run; false where it did already. */
  goesOn({ number, source }: { number: number; source: string }): boolean {
    const last = this.#cells.at(-1)
    if (last?.number === number && last.source === source) return false
    this.#cells.push({ number, source, from: this.#core.state.iteration })
    return true
  }

  /** Computes what takes its time, unless that was done: a record is quick to write without. */
  complete(): void {
    if (!this.#details || this.#of !== this.#core.parts) this.#details = detailsOf(this.#core)
    this.#of = this.#core.parts
    // Of much data the digest is made beside other work: a file that is written until then lacks it.
    for (const name of ['data', 'evaluateOn'] as const) {
      const about = this.#details[name] as { digest?: string } | undefined
      if (about && about.digest === undefined) {
        const digest = digestOf(this.#core[name]!)
        if (digest !== undefined) about.digest = digest
      }
    }
  }

  /** All that takes its time, made beside other work. */
  async completeSoon(): Promise<void> {
    await Promise.all([this.#core.data.digestSoon?.(), this.#core.evaluateOn?.digestSoon?.()])
    this.complete()
  }

  /** @param snapshot file of the newest. @param held whether this process goes on writing there. */
  at(snapshot: string | null, held: boolean): RunFile {
    const core = this.#core
    return {
      format: 'gradbook.run/1',
      id: this.id,
      name: core.name,
      pid: held ? (globalThis.process?.pid ?? 0) : 0,
      written: new Date().toISOString(),
      iteration: core.state.iteration,
      snapshot,
      ...(this.parent && { parent: this.parent }),
      ...(this.#details ?? this.#carried),
      ...settingsOf(core),
      cells: this.#cells,
    }
  }
}

const shape = object({
  format: oneOf('gradbook.run/1'),
  id: text,
  name: text,
  iteration: count,
  snapshot: (value, at) => (value === null ? undefined : text(value, at)),
  loss: maybe(text),
  losses: maybe(dictionary(text)),
  data: maybe(object({ digest: maybe(text) })),
  cells: maybe(list(object({ number, source: text, from: count }))),
})

/** A run's file as it was written, or what is wrong with it; undefined where there is none. */
export function lookAtRunFile(
  files: Files,
  folder: string,
): { file: RunFile } | { wrong: string } | undefined {
  const path = files.join(folder, 'run.json')
  if (files.kind(path) === undefined) return undefined
  try {
    const file: unknown = JSON.parse(files.readText(path))
    const wrong = shape(file)
    return wrong === undefined ? { file: file as RunFile } : { wrong }
  } catch (error) {
    return { wrong: (error as Error).message }
  }
}

/** A run's file; undefined where there is none, or it is not whole. */
export function readRunFile(files: Files, folder: string): RunFile | undefined {
  const found = lookAtRunFile(files, folder)
  return found && 'file' in found ? found.file : undefined
}

/** What says that the file of a run is not one. */
export function notWhole(files: Files, folder: string, wrong: string, where: string): InputError {
  return new InputError({
    where,
    received: `${files.join(folder, 'run.json')}, which is not whole: ${wrong}`,
    expected: 'the file as gradbook wrote it',
    fix: 'The snapshots beside it are as they were: put back a copy of run.json, or load another run.',
  })
}

/** The digest where it is known or quick. A dataset of the user's own making has one way only. */
const digestOf = (set: Core['data']): string | undefined =>
  set.maybeDigest ? set.maybeDigest() : set.digest()

/** What stays the same while a run goes on: computed once, as a digest of the data takes its time. */
function detailsOf(core: Core): { [name: string]: unknown } {
  const { data, evaluateOn, trainee } = core
  const about = (set: typeof data | undefined) =>
    set && {
      name: set.name,
      split: set.split,
      length: set.length,
      x: set.x,
      y: set.y,
      digest: digestOf(set),
      ...(set === data && set.described?.()),
    }
  const own = trainee.model as Partial<OwnModel> | undefined
  const model = typeof own?.described === 'function' ? own.described() : undefined
  return {
    ...(model && { model }),
    parameters: trainee.parameters.map(({ name, variable }) => ({ name, shape: variable.shape })),
    data: about(data),
    evaluateOn: about(evaluateOn),
    versions: { node: globalThis.process?.versions.node, tfjs: tf.version.tfjs },
    backend: tf.getBackend(),
    machine: machine(),
  }
}

/** What the bits depend on beside the run: they are the same on the same kind of machine with as many threads. */
function machine(): { [name: string]: unknown } | undefined {
  const os = globalThis.process?.getBuiltinModule?.('node:os')
  return (
    os && {
      platform: `${os.platform()} ${os.arch()}`,
      processor: os.cpus()[0]?.model,
      threads: os.availableParallelism(),
    }
  )
}

/** A field by its name; a function of one's own as one, which has to be passed again. */
export function recordOfWeight(weight: unknown): unknown {
  return typeof weight === 'function' ? { function: weight.name || 'own function' } : weight
}

function settingsOf({ settings, state: { peak }, trainee }: Core): { [name: string]: unknown } {
  const {
    optimizer,
    schedule,
    batchSchedule,
    stop,
    metrics,
    freeze,
    sampleWeight,
    onIteration: _onIteration,
    onEvaluation: _onEvaluation,
    progress: _progress,
    save: _save,
    ...plain
  } = settings
  return {
    loss: trainee.lossName,
    ...(trainee.several && {
      losses: Object.fromEntries(trainee.several.map(({ name, lossName }) => [name, lossName])),
    }),
    settings: {
      ...plain,
      ...(sampleWeight !== undefined && { sampleWeight: recordOfWeight(sampleWeight) }),
      optimizer: { name: optimizer.name, ...optimizer.settings, peak },
      schedule: schedule ? recordOf(schedule) : null,
      batchSchedule: batchSchedule ? recordOf(batchSchedule) : null,
      stop: stop ? recordOf(stop) : null,
      metrics: metrics.map(({ name }) => name),
      freeze: freeze === undefined ? null : String(freeze),
    },
  }
}
