import * as tf from '@tensorflow/tfjs'
import { atomically } from '../../settle.js'
import type { Changing } from './program.js'
import { options } from '../session/options.js'
import type { Entry } from '../session/entry.js'
import { backendName, onnxRuntime } from '../tfjs/register.js'

/** Values that variables had, held until they are given back or let go. */
export interface Held {
  /** Whether the variable has other values now. */
  isChanged(variable: tf.Variable): boolean
  /** To be told of by compiled steps: they hand over the arrays that they replace. */
  changing: Changing
  /** The variables have their values again. */
  restore(): void
  /** They keep what they have. */
  release(): void
}

interface Value {
  variable: tf.Variable
  id: object
  entry: Entry
  generation: number
}

/**
 * Holds what variables have now, without a tensor for each: a compiled step changes the arrays of variables, and gives those
 * that they had here; whoever assigns another tensor leaves the values as they are. Undefined where values are on a device or another backend's.
 */
export function maybeHold(variables: readonly tf.Variable[]): Held | undefined {
  if (tf.getBackend() !== backendName || options.device !== 'cpu') return undefined
  const backend = onnxRuntime()
  const values = variables.map((variable): Value => {
    const entry = backend.data.get(variable.dataId)
    return { variable, id: variable.dataId, entry, generation: entry.generation }
  })
  const of = new Map(values.map((value) => [value.variable, value]))
  const back: (() => void)[] = []
  const replaced: (() => void)[] = []
  let isHeld = true
  for (const { entry } of values) entry.holders++
  const letGo = () => {
    if (!isHeld) return
    isHeld = false
    for (const { entry } of values) {
      entry.holders--
      if (entry.holders === 0 && entry.refCount === 0) backend.recorder.disposed(entry)
    }
  }
  return {
    isChanged(variable) {
      const value = of.get(variable)
      return value === undefined || !isAsBefore(value)
    },
    changing(takeBack, release) {
      back.push(takeBack!)
      replaced.push(release!)
      return 'keep'
    },
    restore: () =>
      atomically(() => {
        for (const takeBack of back.toReversed()) takeBack()
        back.length = replaced.length = 0
        for (const { variable, id, entry, generation } of values) {
          if (variable.isDisposed || variable.dataId === id || entry.generation !== generation) continue
          const tensor = backend.revive(entry)
          variable.assign(tensor)
          tensor.dispose()
        }
      }),
    release: () =>
      atomically(() => {
        for (const one of replaced) one()
        back.length = replaced.length = 0
        letGo()
      }),
  }
}

const isAsBefore = ({ variable, id, entry, generation }: Value): boolean =>
  variable.dataId === id && entry.generation === generation
