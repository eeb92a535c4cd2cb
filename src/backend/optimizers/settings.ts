import { InputError, describe } from '../../errors.js'

/** Limits of a setting: each row says what is right and how to test it. */
const limits = {
  positive: { expected: 'a number above 0', fits: (x: number) => x > 0 && x < Infinity },
  notNegative: { expected: 'a number of at least 0', fits: (x: number) => x >= 0 && x < Infinity },
  whole: { expected: 'a whole number of at least 1', fits: (x: number) => Number.isInteger(x) && x >= 1 },
  share: { expected: 'a number from 0 to less than 1', fits: (x: number) => x >= 0 && x < 1 },
}

const groupRows = { parameters: 'any', learningRate: 'positive', weightDecay: 'notNegative' } as const

/** Throws `InputError` for groups of parameters that would silently match nothing or change nothing. */
function checkGroups(optimizer: string, groups: unknown): void {
  const where = `${optimizer}({ groups })`
  const fix = `Write ${optimizer}({ …, groups: [{ parameters: 'vectors', weightDecay: 0 }] }).`
  if (!Array.isArray(groups))
    throw new InputError({ where, received: describe(groups), expected: 'a list of groups', fix })
  for (const group of groups) {
    checkSettings(`${optimizer} groups`, group, groupRows)
    const { parameters } = group as { parameters: unknown }
    const fits =
      parameters === 'vectors' ||
      parameters === 'matrices' ||
      parameters instanceof RegExp ||
      typeof parameters === 'function'
    if (fits) continue
    throw new InputError({
      where: `${optimizer}({ groups: [{ parameters }] })`,
      received: describe(parameters),
      expected: "a pattern on names, 'vectors', 'matrices', or a function of name and shape",
      fix,
    })
  }
}

/** Names that PyTorch and Keras have for settings. */
const elsewhere: { readonly [name: string]: string } = {
  lr: 'learningRate',
  learning_rate: 'learningRate',
  betas: 'beta1 and beta2',
  beta_1: 'beta1',
  beta_2: 'beta2',
  eps: 'epsilon',
  weight_decay: 'weightDecay',
}

/**
 * Throws `InputError` for the first setting that is unknown or outside its limits.
 * A misspelt name would otherwise silently train with the default.
 */
export function checkSettings(
  optimizer: string,
  settings: object,
  rows: { readonly [name: string]: keyof typeof limits | 'any' },
): void {
  if (settings === null || typeof settings !== 'object')
    throw new InputError({
      where: `${optimizer}(settings)`,
      received: describe(settings),
      expected: 'an object with settings',
      fix: `Write ${optimizer}({ learningRate: 1e-3 }).`,
    })
  for (const [name, value] of Object.entries(settings)) {
    const row = rows[name]
    if (row === undefined)
      throw new InputError({
        where: `${optimizer}({ ${name} })`,
        received: `the setting '${name}'`,
        expected: `one of ${Object.keys(rows).join(', ')}`,
        fix: elsewhere[name]
          ? `What others call '${name}' is ${elsewhere[name]} here.`
          : `Remove '${name}' or correct its spelling.`,
      })
    if (name === 'groups' && value !== undefined) checkGroups(optimizer, value)
    if (row === 'any' || value === undefined) continue
    if (typeof value !== 'number' || !limits[row].fits(value))
      throw new InputError({
        where: `${optimizer}({ ${name} })`,
        received: describe(value),
        expected: limits[row].expected,
      })
  }
  if (
    rows !== groupRows &&
    rows.learningRate &&
    (settings as { learningRate?: unknown }).learningRate === undefined
  )
    throw new InputError({
      where: `${optimizer}({ learningRate })`,
      received: 'no learningRate',
      expected: 'the rate of one update, a number above 0',
      fix: `Write ${optimizer}({ learningRate: 1e-3 }).`,
    })
}
