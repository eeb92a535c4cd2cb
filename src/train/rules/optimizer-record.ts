import * as optimizers from '../../backend/optimizers/index.js'
import type { Optimizer } from '../../backend/optimizers/optimizer.js'
import type { Recorded } from './recorded.js'

/** Optimizers by name; each takes its own settings. */
const makers: { readonly [name: string]: (settings: any) => Optimizer } = {
  adagrad: optimizers.adagrad,
  adam: optimizers.adam,
  adamw: optimizers.adamw,
  lion: optimizers.lion,
  muon: optimizers.muon,
  rmsprop: optimizers.rmsprop,
  sgd: optimizers.sgd,
}

/** What is put around an optimizer writes a setting of its own into its record, the inner one first. */
const wrappers: { readonly [name: string]: (inner: Optimizer, value: any) => Optimizer } = {
  ema: (inner, decay) => optimizers.ema(inner, { decay }),
  accumulate: (inner, every) => optimizers.accumulate(inner, { every }),
}

/** An optimizer by its record; undefined where it is not one of ours or has functions in it. */
export function optimizerFrom({ name, settings }: Recorded): Optimizer | undefined {
  if (!Object.hasOwn(makers, name)) return undefined
  const entries = Object.entries(settings)
  const isWrapper = (setting: string) => Object.hasOwn(wrappers, setting)
  const own = revive(Object.fromEntries(entries.filter(([setting]) => !isWrapper(setting))))
  if (!own) return undefined
  let optimizer = makers[name]!(own)
  for (const [setting, value] of entries)
    if (isWrapper(setting)) optimizer = wrappers[setting]!(optimizer, value)
  return optimizer
}

/** Settings with patterns in place of their texts: those of groups, and of what Muon leaves to AdamW; undefined where one was a function. */
function revive(settings: { readonly [name: string]: unknown }): { [name: string]: unknown } | undefined {
  const revived: { [name: string]: unknown } = {}
  for (const [name, value] of Object.entries(settings)) {
    let made = value
    if (name === 'groups') {
      const groups = (value as { [name: string]: unknown }[]).map(revive)
      made = groups.includes(undefined) ? undefined : groups
    } else if (name === 'adamw') made = revive(value as { [name: string]: unknown })
    else if (name === 'parameters')
      made = value === 'vectors' || value === 'matrices' ? value : maybePattern(value)
    if (made === undefined) return undefined
    revived[name] = made
  }
  return revived
}

/** The pattern that was recorded as its text; undefined for another text, as that of a function. */
export function maybePattern(text: unknown): RegExp | undefined {
  const [, source, flags] = /^\/(.*)\/([a-z]*)$/s.exec(String(text)) ?? []
  return source === undefined ? undefined : new RegExp(source, flags)
}
