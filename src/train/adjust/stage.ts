import { toDataset, type DataLike } from '../../data/from.js'
import { isGenerated, withoutExamples, type Generated } from '../../data/generate.js'
import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import type { LossFunction } from '../model/heads.js'
import { checkMetrics } from '../model/measure.js'
import { fixedBatch } from '../model/recurrent.js'
import type { Trainee } from '../model/trainee.js'
import { findMetrics, optionChecks, type RunOptions } from '../rules/options.js'
import type { Core } from '../state/core.js'
import { note } from './adjust.js'
import { changeNames, setChanges, type Changes } from './changes.js'
import { checkLengths, heldOut, traineeOf } from './parts.js'

/** What a run goes on with. What is not said stays as it is; a `schedule` counts from here. */
export interface StageOptions<Model = object> extends Omit<Changes, 'batchSchedule'> {
  /** How it is called: on the chart, where it begins, and in `run.stages`. Required. `name: 'instructions'` */
  name: string
  /** Another objective over the same parameters: what `train` takes as a model. Default: the same model. `model: dpo(model)` */
  model?: Model
  /** Of a tf.LayersModel another loss. Default: the same. `loss: 'meanSquaredError'` */
  loss?: string | LossFunction
  /** What iterations draw from. Default: the same, drawn on. `data: conversations.train` */
  data?: DataLike | Generated<string>
  /** What is evaluated; null: nothing. Default: the same. `evaluateOn: conversations.validation` */
  evaluateOn?: DataLike | null
  /** Measured beside the loss. Default: the same. `metrics: ['accuracy']` */
  metrics?: RunOptions['metrics']
}

const where = 'run.stage(options)'

/** Goes over to another stage. To be taken back as a whole where it throws. */
export function beginStage(core: Core, options: StageOptions, why: string | undefined): void {
  const own = ['name', 'model', 'loss', 'data', 'evaluateOn', 'metrics']
  const known = [...own, ...changeNames.filter((name) => name !== 'batchSchedule')]
  const { name, model, loss, data, evaluateOn, metrics, ...changes } = named(options, known, where)
  const { ok, expected } = optionChecks.name!
  if (!ok(name)) throw new InputError({ where: `${where}: name`, received: describe(name), expected })
  if (core.trainee.iteration)
    throw new InputError({
      where,
      received: 'a run whose iteration is your own',
      expected: 'one with a loss',
      fix: 'Let your iteration do something else from here on, and run.note(text).',
    })
  if (core.state.waiting.batches > 0)
    throw new InputError({
      where,
      received: `gradients of ${core.state.waiting.batches} batches that wait for their update`,
      expected: 'a whole update before another stage begins',
      fix: `await run.iterate(${(core.settings.accumulate ?? 1) - core.state.waiting.batches}).`,
    })
  const trainee =
    model === undefined && loss === undefined
      ? core.trainee
      : sameParameters(core, traineeOf(model ?? core.trainee.model, { ...core.settings, loss }))
  if (fixedBatch(trainee) !== undefined && data !== undefined)
    throw new InputError({
      where,
      received: 'a model of whole batches',
      expected: 'a run of its own for other data',
    })
  const source = data === undefined ? core.source : isGenerated(data) ? data : undefined
  const drawn =
    data === undefined
      ? core.data
      : isGenerated(data)
        ? withoutExamples(data)
        : toDataset(data as DataLike, { name: 'data' })
  const held =
    evaluateOn === undefined ? core.evaluateOn : evaluateOn === null ? undefined : heldOut(evaluateOn, drawn)
  checkLengths({ ...(!source && { data: drawn }), evaluateOn: held }, 'run.stage(')
  if (!source) trainee.checkData(drawn, 'run.stage({ data })')
  if (held) trainee.checkData(held, 'run.stage({ evaluateOn })')
  const before = core.state.stages.at(-1)?.name ?? null
  core.enter({ trainee, data: drawn, source, evaluateOn: held })
  if (metrics !== undefined) core.settings.metrics = findMetrics(metrics)
  if (held || !source) checkMetrics(core, held ?? drawn, 'run.stage({ metrics })')
  core.state.stages = [
    ...core.state.stages,
    { name, at: core.state.iteration, data: drawn.name, loss: trainee.lossName },
  ]
  note(core, { what: 'stage', from: before, to: name, why })
  setChanges(core, changes, undefined)
  if (changes.schedule) core.state.scheduleFrom = core.state.iteration
}

/** One history is of one set of parameters. */
function sameParameters(core: Core, trainee: Trainee): Trainee {
  const mine = [...core.trainee.parameters, ...core.trainee.state]
  const other = [...trainee.parameters, ...trainee.state]
  const strange = other.find(
    ({ name, variable }) => !mine.some((one) => one.name === name && one.variable === variable),
  )
  const missing = mine.find(({ name }) => !other.some((one) => one.name === name))
  if (!strange && !missing) return trainee
  throw new InputError({
    where: 'run.stage({ model })',
    received: strange
      ? `a model whose ${strange.name} is not this run's`
      : `a model without ${missing!.name}`,
    expected: 'the same parameters under another objective',
    fix: 'Make it of run.model, or train(model, …) makes a run of its own.',
  })
}
