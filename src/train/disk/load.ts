import type { DataLike } from '../../data/from.js'
import type { Generated } from '../../data/generate.js'
import { describe, InputError } from '../../errors.js'
import { maybeFiles, type Files } from '../../store/files.js'
import type { Optimizer } from '../../backend/optimizers/optimizer.js'
import { differing, isChangeable, type Changes } from '../adjust/changes.js'
import type { Core } from '../state/core.js'
import { runsFolder } from './folders.js'
import { mend } from './copy.js'
import { settleJournals } from './journal.js'
import { aboutRules, checkRule, isKnownMetric, type RunOptions } from '../rules/options.js'
import { maybePlace } from './points.js'
import { misfit } from '../state/field.js'
import { checkFit, readAs } from './check-snapshot.js'
import { readSnapshot, rebuild, type Decoded, type Passed } from './snapshot-file.js'
import { lookAtRunFile, notWhole, type RunFile } from './run-file.js'
import { checkAdjustments } from '../adjust/replay.js'
import { say } from '../../say.js'
import { restoreSnapshot } from '../state/snapshots.js'

/** A run on disk: its folder, its `run.json`, its newest snapshot that can be read. */
export interface Saved {
  folder: string
  file: RunFile
  decoded(core?: Core): Decoded
}

/** What has to be passed when a run is loaded: the model, the data, and functions that no file can hold. */
export interface LoadOptions extends Partial<RunOptions> {
  /** As it was passed to `train`; none where an iteration of one's own went without. */
  data?: DataLike | Generated
  loss?: unknown
}

/** The folder of a run, found by its path, by the run's name, or as the one that was written last ('latest'). */
export function findFolder(target: unknown, where: string): { files: Files; folder: string } {
  const files = maybeFiles()
  if (!files) throw new InputError({ where, received: 'a place without a file system', expected: 'Node' })
  settleJournals()
  if (typeof target !== 'string' || target === '')
    throw new InputError({
      where,
      received: describe(target),
      expected: "a folder, a run's name, or 'latest'",
    })
  const named = [target, files.join(runsFolder(true) ?? 'runs', target)]
  for (const folder of named) mend(files, folder)
  const byAge = allFolders(files).toSorted((a, b) => written(files, b) - written(files, a))
  let other: string | undefined
  for (const folder of target === 'latest' ? byAge : named) {
    const found = lookAtRunFile(files, folder)
    if (!found) continue
    // Of those by age one that was only made has nothing to be taken up, and what is no run's at all is passed over.
    const isRun =
      target !== 'latest' || ('file' in found ? found.file.snapshot !== null : isHalf(files, folder))
    if (isRun && !('wrong' in found && target !== 'latest' && folder !== named.at(-1)))
      return { files, folder }
    other ??= folder
  }
  if (other !== undefined) return { files, folder: other }
  throw new InputError({
    where,
    received: `nothing there (working folder ${files.folder})`,
    expected: byAge.length
      ? `a run, newest first: ${byAge.slice(0, 8).join(', ')}`
      : 'a run on disk; there is none here',
  })
}

/** Whether there are snapshots, beside a `run.json` that is none. */
const isHalf = (files: Files, folder: string): boolean =>
  files.list(files.join(folder, 'snapshots')).some((name) => maybePlace(name) !== undefined)

/** Opens the run of a folder. */
export function openFolder(files: Files, folder: string, where: string): Saved {
  const found = lookAtRunFile(files, folder)
  if (found && 'file' in found) return openSaved(files, folder, found.file, where)
  throw notWhole(files, folder, found?.wrong ?? 'it is not there', where)
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
function openSaved(files: Files, folder: string, file: RunFile, where: string): Saved {
  const snapshots = files.join(folder, 'snapshots')
  const newest = files
    .list(snapshots)
    .flatMap((name) => {
      const place = maybePlace(name)
      if (!place || place.name !== undefined || place.redo) return []
      return [{ name, age: files.modified(files.join(snapshots, name)) }]
    })
    .toSorted((a, b) => b.age - a.age)
    .map(({ name }) => name)
  // A name that leads elsewhere is none of a snapshot.
  const last = file.snapshot !== null && maybePlace(file.snapshot) ? [file.snapshot] : []
  let broken: unknown
  for (const name of new Set([...last, ...newest])) {
    const path = files.join(snapshots, name)
    try {
      if (!files.exists(path)) throw misfit(path, 'nothing there')
      const decoded = readSnapshot(files, path)
      if (broken) say(`${(broken as Error).message} The snapshot before it (${name}) is used.`)
      return { folder, file, decoded }
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

/** What is not the run's course, and so is taken as it is passed. */
const besides = [
  'data',
  'evaluateOn',
  'loss',
  'metrics',
  'sampleWeight',
  'onIteration',
  'onEvaluation',
  'evaluationBatchSize',
  'progress',
  'save',
] as const

/**
 * Options for `train` that make the run as it stood: all that is data as it was recorded, the rest as it is passed. (What
 * is passed and says otherwise is for `loadRun` a change, for `resume` a line: see `otherwise`.)
 */
export function optionsOf(saved: Saved, passed: LoadOptions): RunOptions & { loss?: unknown } {
  const where = `loadRun('${saved.folder}')`
  const decoded = saved.decoded()
  const { optimizer: given } = passed
  const same = given !== undefined && given.name === decoded.optimizer.name && alike(given, decoded.optimizer)
  const rebuilt = rebuild(decoded, { ...(passed as Passed), optimizer: same ? given : undefined }, where)
  const metrics = checkMetrics(decoded.metrics, passed.metrics, where)
  const options: { [name: string]: unknown } = { metrics }
  const named = besides.map((name) => [name, passed[name]] as const)
  const recorded = { ...decoded.settings, name: decoded.name, ...rebuilt }
  for (const [name, value] of [...Object.entries(recorded), ...named])
    if (value !== undefined && value !== null) options[name] = value
  if (typeof options.sampleWeight === 'object')
    throw new InputError({
      where,
      received: 'a run whose sampleWeight is a function of your own',
      expected: 'it to be passed again: a file cannot hold it',
      fix: 'loadRun(…, { sampleWeight: (batch) => … }).',
    })
  return options as unknown as RunOptions
}

/** By their records: functions in them count by their names. */
function alike(one: Pick<Optimizer, 'settings'>, other: Pick<Optimizer, 'settings'>): boolean {
  return JSON.stringify(one.settings) === JSON.stringify(other.settings)
}

/** Of the options that are passed beside a run on disk, those that a run can be set to and that say otherwise than it. */
export function otherwise(core: Core, passed: Partial<RunOptions>): Changes {
  const changes: { [name: string]: unknown } = {}
  for (const [name, value] of Object.entries(passed))
    if (isChangeable(name) && value !== undefined) changes[name] = value
  if (core.trainee.iteration) delete changes.optimizer
  const { optimizer } = changes as { optimizer?: Optimizer }
  if (optimizer && optimizer.name === core.settings.optimizer.name) {
    const { learningRate } = optimizer
    const rest = ({ settings }: Optimizer) => ({ settings: { ...settings, learningRate: null } })
    // The same one at another rate keeps its slots.
    if (alike(rest(optimizer), rest(core.settings.optimizer))) {
      delete changes.optimizer
      if (learningRate !== core.settings.optimizer.learningRate) changes.learningRate = learningRate
    }
  }
  return differing(core, changes)
}

function checkMetrics(names: string[], passed: RunOptions['metrics'], where: string): RunOptions['metrics'] {
  if (passed) return passed
  if (names.every(isKnownMetric)) return names
  throw new InputError({
    where,
    received: `a run with metrics of your own (${names.join(', ')})`,
    expected: 'them to be passed again: a file cannot hold functions',
    fix: 'loadRun(…, { metrics: […] }).',
  })
}

/** Puts the run that was saved into `core`, which was made for the same model and data. */
export function takeUp(core: Core, saved: Saved): void {
  const where = `loadRun('${saved.folder}')`
  const decoded = saved.decoded(core)
  checkThawed(core, saved.file.parameters, where)
  checkFit(core, decoded, where)
  readAs(decoded.file, () => checkAdjustments(decoded.snapshot.planned))
  const { digest } = (saved.file.data ?? {}) as { digest?: string }
  if (digest !== undefined) checkDigest(core, digest)
  const { settings } = core
  const snapshot = { ...decoded.snapshot, settings: { ...settings } }
  core.changed()
  restoreSnapshot(core, snapshot)
  core.changed()
  Object.assign(core.state, decoded.beside)
  if (settings.stop) checkRule(settings.stop, { ...aboutRules(core), where })
}

/** What was frozen in the model when it was saved has no state of the optimizer to go on with, and was not meant to be trained. */
function checkThawed(core: Core, recorded: unknown, where: string): void {
  if (!Array.isArray(recorded)) return
  const trained = new Set(recorded.map((one) => (one as { name?: unknown } | null)?.name))
  const known = core.trainee.state.length + core.trainee.parameters.length
  const thawed = core.trainee.parameters.filter(({ name }) => !trained.has(name))
  // Where none of them is there it is another model, which is said of its parameters.
  if (thawed.length === 0 || thawed.length === known) return
  const names = thawed.map(({ name }) => name)
  throw new InputError({
    where,
    received: `a model in which ${names.slice(0, 4).join(', ')}${names.length > 4 ? ', …' : ''} ${names.length > 1 ? 'are' : 'is'} trained`,
    expected: 'it to be frozen, as it was in the model that was saved',
    fix: 'Freeze the layer before: layer.trainable = false. To train it from here on, load the run so, thaw its layer, and make another run of its model: train(model, …).',
  })
}

/** Says where the data is not what it was: at once, or where that takes long once it is known. */
function checkDigest({ data, name }: Core, before: string): void {
  const check = (now: string): void => {
    // One of a time when all digests were made in another way says nothing of much data.
    if (now !== before && now.startsWith('rows-') === before.startsWith('rows-'))
      say(`The training data is not what the run '${name}' was trained on so far: its values differ.`)
  }
  const known = data.maybeDigest ? data.maybeDigest() : data.digest()
  if (known !== undefined) check(known)
  else data.digestSoon!().then(check, () => {})
}
