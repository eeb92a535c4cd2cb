import { InputError } from '../../errors.js'
import { listNearest } from '../../suggest.js'
import type { Core } from '../state/core.js'
import { say } from '../../say.js'

/** Something has to be left to train, and what is named has to be there. */
export function checkFrozen({ settings: { freeze }, trainee, parameters }: Core, where: string): void {
  if (!freeze || (Array.isArray(freeze) && freeze.length === 0)) return
  const names = trainee.parameters.map(({ name }) => name)
  const unknown = Array.isArray(freeze) ? freeze.find((name) => !names.includes(name)) : undefined
  const received =
    unknown !== undefined
      ? `the parameter '${unknown}'`
      : parameters.length === names.length
        ? `${freeze}, which matches no parameter`
        : parameters.length === 0
          ? `${freeze}, which matches every parameter`
          : undefined
  if (received === undefined) return
  throw new InputError({
    where,
    received,
    expected:
      parameters.length === 0
        ? 'at least one parameter to train'
        : `a pattern on, or a list of, the names ${listNearest(unknown ?? String(freeze), names)}`,
  })
}

const told = new WeakMap<Core, string>()

/** Layers that were frozen or thawed since the run was made change nothing in it: that is said, once. */
export function tellChangedSince(core: Core): void {
  const { frozen, thawed } = core.trainee.changedSince?.() ?? { frozen: [], thawed: [] }
  const trained = new Set(core.parameters.map(({ name }) => name))
  const still = frozen.filter((name) => trained.has(name))
  const text = [
    still.length > 0
      ? `${some(still)} frozen by layer.trainable since the run '${core.name}' was made, which goes on training them: run.set({ freeze: [${still.map((name) => `'${name}'`).join(', ')}] }) keeps them as they are`
      : '',
    thawed.length > 0
      ? `${some(thawed)} thawed by layer.trainable since the run '${core.name}' was made, which does not train them: make another run with train(model, …)`
      : '',
  ]
    .filter(Boolean)
    .join('. ')
  if (text && told.get(core) !== text && core.settings.progress) say(`${text}.`)
  told.set(core, text)
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, 4).join(', ')
  return `${shown}${names.length > 4 ? `, … (${names.length})` : ''} ${names.length > 1 ? 'were' : 'was'}`
}
