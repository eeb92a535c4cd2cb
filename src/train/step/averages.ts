import * as tf from '@tensorflow/tfjs'
import { InputError } from '../../errors.js'
import { atomically, during } from '../../settle.js'
import { copying } from '../model/copying.js'
import type { Core } from '../state/core.js'
import { assignOnce } from '../model/gradients.js'
import { averageOf } from '../state/slots.js'

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
export function averagedModel(core: Core, where: string): object {
  checkAverages(core, where)
  return copying(() => {
    const copy = core.trainee.copy()
    for (const [i, { variable }] of copy.parameters.entries())
      variable.assign(averageAt(core, core.trainee.parameters[i]!.name) ?? variable)
    return copy.model
  })
}

/** Runs `work` with the averages in place of the parameters. References change, nothing is copied. */
export function withAverages<T>(core: Core, work: () => T): T {
  const lent: { variable: tf.Variable; before: tf.Tensor }[] = []
  const putBack = () => {
    for (const { variable, before } of lent) {
      if (!before.isDisposed) assignOnce(variable, before)
      before.dispose()
    }
  }
  return during(putBack, () => {
    atomically(() => {
      for (const { name, variable } of core.trainee.parameters) {
        const average = averageAt(core, name)
        if (!average) continue
        lent.push({ variable, before: tf.keep((variable as tf.Tensor).clone()) })
        variable.assign(average)
      }
    })
    return work()
  })
}
