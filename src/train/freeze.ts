import { InputError } from '../errors.js'
import { listNearest } from '../suggest.js'
import type { Core } from './core.js'

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
