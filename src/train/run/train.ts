import { toDataset } from '../../data/from.js'
import { isGenerated, noData, withoutExamples, type Generated } from '../../data/generate.js'
import { describe, InputError } from '../../errors.js'
import { maybeFiles } from '../../store/files.js'
import { Core } from '../state/core.js'
import { maybeSupervisor } from '../state/supervisor.js'
import { contentsOf } from '../disk/contents.js'
import { mend } from '../disk/copy.js'
import { runsFolder } from '../disk/folders.js'
import { checkFrozen } from '../adjust/freeze.js'
import { checkLengths, heldOut, traineeOf, type Given } from '../adjust/parts.js'
import { settleJournals, type JournalOptions } from '../disk/journal.js'
import { isLayersModel } from '../model/layers.js'
import { withCompiled } from '../rules/compiled-model.js'
import { checkExampleWeights } from '../model/example-weights.js'
import {
  findFolder,
  openFolder,
  optionsOf,
  otherwise,
  takeUp,
  type LoadOptions,
  type Saved,
} from '../disk/load.js'
import { losses } from '../loss/losses.js'
import { checkMetrics } from '../model/measure.js'
import {
  checkOneAverage,
  checkOptimizer,
  checkOptions,
  optionChecks,
  saidBy,
  settingsFrom,
  type CompiledOptions,
  type ModelOptions,
  type RunOptions,
} from '../rules/options.js'
import { checkSizes, checkWholeBatches, fixedBatch } from '../model/recurrent.js'
import type { OwnModel } from '../model/own.js'
import type { OwnIteration } from '../step/own-iteration.js'
import type { LayersModelLike, MetricsNamed, MetricsOf } from './run-types.js'
import { savedPoints } from '../disk/points.js'
import { buildParts } from './build.js'
import { Run } from './run.js'
import { lookAtRunFile } from '../disk/run-file.js'
import { isRunAgain } from '../disk/made-by.js'
import { unsure, withClaim, type Claim } from '../disk/take.js'
import { say } from '../../say.js'
import { atomically } from '../../settle.js'
import { named } from '../../suggest.js'
import type { BatchOf } from '../model/batch.js'
import type { Trainee } from '../model/trainee.js'

/** What `train` takes beside this model: a tf.LayersModel has no loss of its own. */
export type OptionsOf<M> = M extends LayersModelLike
  ? ModelOptions | CompiledOptions
  : M extends { iteration: unknown }
    ? Omit<RunOptions, 'data'> & Partial<Pick<RunOptions, 'data'>>
    : RunOptions

/** Training data: an iteration of one's own may go without. */
type DataFor<M, Data> = M extends { iteration: unknown } ? { data?: Data } : { data: Data }

/**
 * Makes a run of a model: nothing is trained yet. The model is trained in place.
 *
 *     const run = train(model, { data, loss: 'meanSquaredError', optimizer: sgd({ learningRate: 0.1 }) })
 *     await run.iterate(100)
 *
 * @throws InputError where the options, the data's shapes or the model do not fit; its message says what would.
 */
// One signature, so that a mistake is told where it is: of several the checker tells of the last alone.
export function train<
  M extends LayersModelLike | OwnModel<BatchOf<Data>> | OwnIteration<BatchOf<Data>, State>,
  Metrics extends string = never,
  Data = unknown,
  Outputs extends string = never,
  OfOutputs extends string = never,
  State extends object = object,
>(
  model: M & { state?: State },
  given: OptionsOf<M> & MetricsNamed<Metrics, Outputs, OfOutputs> & DataFor<M, Data>,
): Run<M, MetricsOf<Metrics, Outputs, OfOutputs>, BatchOf<Data>> {
  const options = checkOptions(maybeSupervisor()?.options(given) ?? given, 'train(model, options)')
  const { name, resume = false } = options
  checkSize(options, 'train(model)')
  const again = resume ? maybeResumed(model, options) : undefined
  if (again) return again as Run<any, any, any>
  const core = createCore(model, options)
  return new Run(core, { named: name !== undefined })
}

/** The run on disk goes on as it stood. What the code says otherwise, which may be what it began with, is said. */
function takeUpAgain(model: unknown, options: Given, saved: Saved, claim: Claim): Run {
  const core = createCore(model, optionsOf(saved, withOptimizer(model, options)))
  const run = resumeRun(core, saved, claim)
  const other: { [name: string]: unknown } = { ...otherwise(core, options) }
  if (options.seed !== undefined && options.seed !== core.settings.seed) other.seed = options.seed
  const names = Object.keys(other)
  if (core.supervisor?.until !== undefined) {
    // A branch goes on with settings of its own.
    const { seed: _, ...changes } = other
    if (Object.keys(changes).length > 0) run.set(changes, { why: 'of this branch' })
  } else if (names.length > 0)
    say(
      `The run '${core.name}' goes on with its own ${names.join(', ')} at iteration ${core.state.iteration}, not with what was passed. run.set({ … }) changes it.`,
    )
  return run
}

/** The optimizer of a run is the first of a model that brings its own. */
function withOptimizer<Options extends object>(model: unknown, options: Options): Options {
  const { optimizers } = model as Partial<OwnIteration>
  const own = optimizers && Object.values(optimizers)[0]
  return own ? { ...options, optimizer: own } : options
}

/** What makes the batches, where there are no examples that stay. */
function sourceOf({ data, evaluateOn }: RunOptions, { iteration }: Trainee): Generated | undefined {
  if (isGenerated(evaluateOn))
    throw new InputError({
      where: 'train(model, { evaluateOn })',
      received: `${evaluateOn.name}, of which each batch is another`,
      expected: 'examples that stay the same from one evaluation to the next',
      fix: 'evaluateOn: await source.fixed({ batches: 4, seed: 7 }).',
    })
  if (isGenerated(data)) return data
  if (data !== undefined) return undefined
  if (iteration) return noData()
  throw new InputError({
    where: 'train(model, options)',
    received: 'no data',
    expected: '{ data: … }, what iterations draw from',
    fix: 'A dataset, arrays { x, y }, records, or what makes batches: generate(({ random }) => ({ x, y })). An iteration of your own may go without.',
  })
}

/** Where batches are made, how large they are is said there. */
function checkSize({ data, batchSize, batchSchedule }: Partial<RunOptions>, where: string): void {
  for (const [option, value] of Object.entries({ batchSize, batchSchedule }))
    if (value !== undefined && isGenerated(data))
      throw new InputError({
        where: `${where}, { ${option} }`,
        received: `${describe(value)} beside ${data.name}`,
        expected: 'batches as the function makes them',
        fix: `Leave ${option} out, and make as many examples in the function as you want.`,
      })
}

export function createCore(model: unknown, given: Given): Core {
  const options = withCompiled(model, buildParts(model, given))
  const trainee = traineeOf(model, options)
  const own = trainee.optimizers && Object.values(trainee.optimizers)[0]
  const optimizer = checkOptimizer(own ?? options.optimizer, 'train(model, { optimizer })')
  const source = sourceOf(options, trainee)
  const data = source ? withoutExamples(source) : toDataset(options.data, { name: 'data' })
  const settings = settingsFrom(options, optimizer, {
    own: trainee.saysMore === true,
    outputs: trainee.several?.map(({ name }) => name) ?? Object.keys(data.y.parts ?? {}),
    said: saidBy(trainee),
  })
  const evaluateOn = options.evaluateOn === undefined ? undefined : heldOut(options.evaluateOn, data)
  if (evaluateOn && !trainee.pass)
    throw new InputError({
      where: 'train({ iteration }, { evaluateOn })',
      received: 'an own iteration without a loss to evaluate',
      expected: '{ parameters, optimizers, iteration, loss: (batch) => … }',
    })
  checkLengths({ ...(!source && { data }), evaluateOn }, 'train(model, ')
  const fixed = fixedBatch(trainee)
  if (fixed !== undefined) {
    settings.batchSize = options.batchSize ?? fixed
    settings.evaluationBatchSize = options.evaluationBatchSize ?? fixed
    checkSizes(trainee, settings, (option) => `train(model, { ${option} })`)
    if (!source) checkWholeBatches(trainee, data, 'train(model, { data })')
    if (evaluateOn) checkWholeBatches(trainee, evaluateOn, 'train(model, { evaluateOn })')
  }
  if (!source) trainee.checkData(data, 'train(model, { data })')
  if (evaluateOn) trainee.checkData(evaluateOn, 'train(model, { evaluateOn })')
  const core = new Core({ name: options.name ?? 'run', trainee, data, source, evaluateOn, settings })
  core.given = { model, options }
  if (trainee.iteration && settings.accumulate !== undefined)
    throw new InputError({
      where: 'train({ iteration }, { accumulate })',
      received: 'an own iteration, whose updates are its own',
      expected: 'a loss',
      fix: 'Use accumulate(adam({ … }), { every: 4 }) as one of its optimizers.',
    })
  if (evaluateOn || !source) checkMetrics(core, evaluateOn ?? data, 'train(model, { metrics })')
  checkExampleWeights(core, (option) => `train(model, { ${option} })`)
  checkOneAverage(optimizer, settings, 'train(model, options)')
  checkFrozen(core, 'train(model, { freeze })')
  if (settings.dropout !== undefined)
    settings.dropout = core.dropouts.checked(settings.dropout, 'train(model, { dropout })')
  return core
}

/**
 * Takes up a run that is on disk: `loadRun('runs/first', { model, data })`, `loadRun('latest', …)` after a kernel
 * restart. The model takes the saved weights; the seed, the order of the data, the optimizer's state, the history and the
 * settings come from disk. Functions of one's own (a loss, schedule, stop rule, metric) are passed again.
 */
export async function loadRun<
  M extends LayersModelLike | OwnModel<BatchOf<Data>> | OwnIteration<BatchOf<Data>>,
  Metrics extends string = string,
  Data = unknown,
  Outputs extends string = never,
  OfOutputs extends string = never,
>(
  target: string,
  given: LoadOptions & MetricsNamed<Metrics, Outputs, OfOutputs> & { model: M } & DataFor<M, Data>,
): Promise<Run<M, MetricsOf<Metrics, Outputs, OfOutputs>, BatchOf<Data>>> {
  const known = ['model', ...Object.keys(optionChecks)]
  const { model, ...passed } = named(given, known, 'loadRun(folder, options)') as typeof given
  if (typeof model !== 'object' || model === null)
    throw new InputError({
      where: 'loadRun(folder, { model })',
      received: describe(model),
      expected: 'the model, built as it was when the run was saved: it takes the saved weights',
    })
  const where = `loadRun(${describe(target)})`
  const { files, folder } = findFolder(target, where)
  const run = withClaim(
    files,
    folder,
    { save: passed.save, takesOver: ({ cell }) => isRunAgain(cell) },
    (claim) =>
      ofFolder(folder, where, () => loadFrom(openFolder(files, folder, where), model, passed, claim)),
  )!
  return run as Run<any, any, any>
}

function loadFrom(saved: Saved, model: unknown, passed: LoadOptions, claim: Claim): Run {
  checkSize(passed, 'loadRun(folder)')
  const { loss } = saved.file
  const options = checkOptions(optionsOf(saved, withOptimizer(model, passed)), 'loadRun(folder, options)')
  if (options.loss === undefined && isLayersModel(model)) {
    const { losses: byOutput } = saved.file as { losses?: { [output: string]: string } }
    const named = byOutput ? Object.values(byOutput) : [loss as string]
    if (!named.every((one) => losses.has(one)))
      throw new InputError({
        where: `loadRun('${saved.folder}')`,
        received: 'a run whose loss is a function of your own',
        expected: 'it to be passed again: a file cannot hold it',
        fix: 'loadRun(…, { loss: (expected, predicted) => … }).',
      })
    options.loss = byOutput ?? loss
  }
  const { seed } = passed
  const recorded = saved.decoded().settings.seed
  if (seed !== undefined && seed !== recorded)
    throw new InputError({
      where: `loadRun('${saved.folder}', { seed })`,
      received: describe(seed),
      expected: `the seed that the run began with, ${recorded}, or none: it comes from disk`,
    })
  const core = createCore(model, options)
  const run = resumeRun(core, saved, claim)
  const changes = otherwise(core, passed)
  if (Object.keys(changes).length > 0) run.set(changes, { why: 'passed to loadRun' })
  return run
}

/** An error of what a folder holds names the folder. */
function ofFolder<T>(folder: string, where: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof InputError) || error.message.includes(folder)) throw error
    const { problem } = error
    throw new InputError(
      { ...problem, where: [where, folder, problem.where].filter(Boolean).join(', ') },
      { cause: error },
    )
  }
}

/** The run on disk goes on in `core`, in its folder, or in one of its own where a live process writes to that. */
function resumeRun(core: Core, saved: Saved, claim: Claim): Run {
  takeUp(core, saved)
  // It names a folder: one that a stranger wrote must not lead elsewhere.
  if (optionChecks.name!.ok(saved.file.name)) core.name = saved.file.name
  const points = savedPoints(core, maybeFiles()!, saved.folder)
  if (claim !== 'off' && 'taken' in claim) {
    core.parent = { name: core.name, iteration: core.state.iteration }
    return new Run(core, { named: true, parent: core.parent }, points)
  }
  return atomically(() => new Run(core, placeOf(saved.folder, saved.file.id, claim), points))
}

/** Where it is written from now on: what wrote to the folder leaves it. */
function placeOf(folder: string, id: string | undefined, claim: Claim): JournalOptions {
  if (claim === 'off') return { named: true, id }
  if ('unwritable' in claim) return { named: true, id, unwritable: claim.unwritable }
  const { lock, owner } = claim as Extract<Claim, { lock: unknown }>
  owner?.handOver()
  return { named: true, id, taken: { folder, lock } }
}

/** The run of this name on disk, where there is one. */
function maybeResumed(model: unknown, options: Given): Run | undefined {
  const where = 'train(model, { resume })'
  const { name, save } = options
  if (name === undefined)
    throw new InputError({
      where,
      received: 'a run without a name',
      expected: 'the name of the run to take up',
      fix: "train(model, { name: 'first', resume: true, … }), or loadRun('latest', { model, data }).",
    })
  settleJournals()
  const files = maybeFiles()
  if (!files) return undefined
  const folder = files.join(runsFolder(true) ?? 'runs', name)
  mend(files, folder)
  if (!files.exists(folder)) return undefined
  return withClaim(files, folder, { save, takesOver: () => true }, (claim) => {
    const found = lookAtRunFile(files, folder)
    const { ours, others } = contentsOf(files, folder)
    if (!found && !ours.some((one) => one.startsWith('snapshots')) && others.length > 0) return undefined
    if (claim !== 'off' && 'taken' in claim && !claim.taken.alive) throw unsure(folder, claim.taken, where)
    const isWritten =
      found && 'file' in found
        ? found.file.snapshot !== null
        : (found ?? ours.some((one) => one.startsWith('snapshots')))
    return ofFolder(folder, where, () => {
      if (isWritten) return takeUpAgain(model, options, openFolder(files, folder, where), claim)
      // It was made and has not trained: it begins there.
      if (claim === 'off' || !('lock' in claim)) return undefined
      const core = createCore(model, options)
      return new Run(core, placeOf(folder, found && 'file' in found ? found.file.id : undefined, claim))
    })
  })
}
