import * as tf from '@tensorflow/tfjs'
import { InputError } from '../errors.js'
import type { Core } from './core.js'
import { averageOf } from './step.js'
import { temporary } from './temporary.js'

/** The average of a parameter: the run's own, or that of an optimizer made with `ema(…)`. */
export function averageAt({ slots }: Core, parameter: string): tf.Variable | undefined {
  return slots.get(averageOf(parameter))?.average ?? slots.get(parameter)?.average
}

export function checkAverages(core: Core, where: string): void {
  if (core.trainee.parameters.some(({ name }) => averageAt(core, name))) return
  throw new InputError({
    where,
    received: 'a run that keeps no averages of its parameters',
    expected: 'train(model, { ema: 0.999 })',
    fix: 'run.set({ ema: 0.999 }) begins one with the present values.',
  })
}

/** A copy of the model with the averages in place of its parameters. */
export function averagedModel(core: Core, where: string): any {
  checkAverages(core, where)
  const copy = core.trainee.copy()
  for (const [i, { variable }] of copy.parameters.entries())
    variable.assign(averageAt(core, core.trainee.parameters[i]!.name) ?? variable)
  return copy.model
}

/** Puts the averages in place of the parameters until the function that is given is called. References change, nothing is copied. */
export function lendAverages(core: Core): () => void {
  const lent = core.trainee.parameters.flatMap(({ name, variable }) => {
    const average = averageAt(core, name)
    return average ? [{ variable, average, before: tf.keep((variable as tf.Tensor).clone()) }] : []
  })
  const putBack = temporary(() => {
    for (const { variable, before } of lent) {
      variable.assign(before)
      before.dispose()
    }
  })
  for (const { variable, average } of lent) variable.assign(average)
  return putBack
}
