import type { DataLike } from '../data/from.js'
import { describe, InputError } from '../errors.js'
import { maybeFiles, type Files } from '../store/files.js'
import { decodeTensors } from '../store/safetensors.js'
import type { Core } from './core.js'
import { readRunFile, runsFolder, say, settleJournals, type RunFile } from './journal.js'
import { checkRule, findMetrics, type RunOptions } from './options.js'
import { maybePlace } from './points.js'
import { decodeSnapshot, rebuild, type Decoded, type Passed } from './record.js'
import { restoreSnapshot } from './snapshots.js'

/** A run on disk: its folder, its `run.json`, its newest snapshot that can be read. */
export interface Saved {
  folder: string
  file: RunFile
  decoded(core?: Core): Decoded
}

/** What has to be passed when a run is loaded: the model, the data, and functions that no file can hold. */
export interface LoadOptions extends Partial<RunOptions> {
  data: DataLike
  loss?: unknown
}

/** Finds a run by its folder, by its name, or the one that was written last ('latest'). */
export function findSaved(target: unknown): Saved {
  const where = `loadRun(${describe(target)})`
  const files = maybeFiles()
  if (!files) throw new InputError({ where, received: 'a place without a file system', expected: 'Node' })
  settleJournals()
  const folders = allFolders(files)
  const byAge = folders.toSorted((a, b) => written(files, b) - written(files, a))
  if (typeof target !== 'string')
    throw new InputError({
      where,
      received: describe(target),
      expected: "a folder, a run's name, or 'latest'",
    })
  const candidates =
    target === 'latest' ? byAge.slice(0, 1) : [target, files.join(runsFolder(true) ?? 'runs', target)]
  for (const folder of candidates) {
    const file = readRunFile(files, folder)
    if (file) return openSaved(files, folder, file, where)
  }
  const damaged = candidates.find((folder) => files.exists(files.join(folder, 'run.json')))
  throw new InputError({
    where,
    received: damaged
      ? `${damaged}, whose run.json is not whole`
      : `nothing there (working folder ${files.folder})`,
    expected: byAge.length
      ? `a run, newest first: ${byAge.slice(0, 8).join(', ')}`
      : 'a run on disk; there is none here',
  })
}

function allFolders(files: Files): string[] {
  return [runsFolder(true) ?? 'runs', runsFolder(false) ?? '.gradbook/runs'].flatMap((parent) =>
    files
      .list(parent)
      .map((name) => files.join(parent, name))
      .filter((folder) => files.exists(files.join(folder, 'run.json'))),
  )
}

function written(files: Files, folder: string): number {
  return files.modified(files.join(folder, 'run.json'))
}

/** The newest snapshot that is whole: a file that a crash or a full disk left broken is passed over. */
export function openSaved(files: Files, folder: string, file: RunFile, where: string): Saved {
  const snapshots = files.join(folder, 'snapshots')
  const age = (name: string) => files.modified(files.join(snapshots, name))
  const names = files.list(snapshots).filter((name) => maybePlace(name) !== undefined)
  const newest = names
    .filter((name) => maybePlace(name)!.name === undefined)
    .toSorted((a, b) => age(b) - age(a))
  const order = [file.snapshot, ...newest].filter(
    (name, i, all): name is string => name !== null && names.includes(name) && all.indexOf(name) === i,
  )
  let broken: unknown
  for (const name of order) {
    const path = files.join(snapshots, name)
    try {
      const tensors = decodeTensors(files.read(path), path)
      decodeSnapshot(tensors, path)
      if (broken) say(`${(broken as Error).message} The snapshot before it (${name}) is used.`)
      return { folder, file, decoded: (core) => decodeSnapshot(tensors, path, core) }
    } catch (error) {
      broken ??= error
    }
  }
  if (broken) throw broken
  throw new InputError({
    where,
    received: `${folder}, where no snapshot was written yet`,
    expected: 'a run that has trained or was saved',
  })
}

/** Options for `train` that make the run anew: what was recorded, and over it what is passed. */
export function optionsOf(saved: Saved, passed: LoadOptions): RunOptions & { loss?: unknown } {
  const where = `loadRun('${saved.folder}')`
  const decoded = saved.decoded()
  const { optimizer, schedule, batchSchedule, stop } = rebuild(decoded, passed as Passed, where)
  const metrics = passed.metrics ?? checkMetrics(decoded.metrics, where)
  const recorded: { [name: string]: unknown } = { ...decoded.settings, name: decoded.name }
  const options: { [name: string]: unknown } = {}
  for (const [name, value] of Object.entries({
    ...recorded,
    optimizer,
    schedule,
    batchSchedule,
    stop,
    metrics,
    ...passed,
  }))
    if (value !== undefined && value !== null) options[name] = value
  return options as unknown as RunOptions
}

function checkMetrics(names: string[], where: string): string[] {
  try {
    findMetrics(names)
    return names
  } catch {
    throw new InputError({
      where,
      received: `a run with metrics of your own (${names.join(', ')})`,
      expected: 'them to be passed again: a file cannot hold functions',
      fix: 'loadRun(…, { metrics: […] }).',
    })
  }
}

/** Puts the run that was saved into `core`, which was made for the same model and data. */
export function takeUp(core: Core, saved: Saved): void {
  const where = `loadRun('${saved.folder}')`
  const decoded = saved.decoded(core)
  checkParameters(core, decoded, where)
  const { length } = decoded.snapshot.order.excluded
  if (length !== core.data.length)
    throw new InputError({
      where,
      received: `${core.data.length} training examples`,
      expected: `the ${length} that the run was trained on`,
    })
  const { digest } = (saved.file.data ?? {}) as { digest?: string }
  if (digest !== undefined && digest !== core.data.digest())
    say(`The training data is not what the run '${core.name}' was trained on so far: its values differ.`)
  const { settings } = core
  const snapshot = { ...decoded.snapshot, optimizer: core.optimizer, settings: { ...settings } }
  core.changed()
  restoreSnapshot(core, snapshot)
  core.changed()
  core.history = decoded.history
  core.looks = decoded.looks
  if (settings.stop)
    checkRule(settings.stop, { metrics: settings.metrics, evaluated: core.evaluateOn !== undefined, where })
}

function checkParameters(core: Core, { snapshot }: Decoded, where: string): void {
  const saved = snapshot.tensors.parameters
  const own = [...core.trainee.parameters, ...core.trainee.state]
  for (const { name, variable } of own) {
    const found = saved[name]
    if (found?.shape.join() === variable.shape.join()) continue
    throw new InputError({
      where,
      received: `a model whose ${name} has the shape [${variable.shape.join(', ')}]`,
      expected: found
        ? `[${found.shape.join(', ')}], as it was saved`
        : `the parameters that were saved: ${Object.keys(saved).join(', ')}`,
      fix: 'Build the model as it was when the run was saved.',
    })
  }
  const missing = Object.keys(saved).find((name) => !own.some((parameter) => parameter.name === name))
  if (missing)
    throw new InputError({
      where,
      received: `a model without ${missing}`,
      expected: `the parameters that were saved: ${Object.keys(saved).join(', ')}`,
      fix: 'Build the model as it was when the run was saved.',
    })
}
