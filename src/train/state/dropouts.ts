import { withRandomness, type DropoutRates } from '../../backend/random/index.js'
import { describe, InputError } from '../../errors.js'
import { listNearest } from '../../suggest.js'
import type { DropoutSetting } from '../model/dropout.js'
import { gradientsOf, tidily } from '../model/gradients.js'
import type { Core } from './core.js'

const isRate = (rate: unknown) => typeof rate === 'number' && rate >= 0 && rate < 1

/**
 * The dropouts of a run by name: layers by their place, calls of `dropout` by the name they give. What a model's code
 * drops is known once it has run; until then `names` runs it on a batch and changes nothing.
 */
export class Dropouts implements DropoutRates {
  readonly #core: Core
  /** How the rate is read that each was made with. */
  readonly #own = new Map<string, () => number>()
  #looked = false
  #key: { setting: unknown; text: string } | undefined

  constructor(core: Core) {
    this.#core = core
    for (const [layer, name] of core.trainee.dropouts ?? [])
      this.#own.set(name, () => (layer as { rate: number }).rate)
  }

  find(dropout: object | string, own: number): (() => number) | undefined {
    const name = typeof dropout === 'string' ? dropout : this.#core.trainee.dropouts?.get(dropout)
    const drops = own > 0 && own < 1
    if (name === undefined) return drops ? () => own : undefined
    if (typeof dropout === 'string') this.#own.set(name, () => own)
    return drops || this.#set(name) !== undefined ? () => this.rate(name) : undefined
  }

  /** The rate that was set in place of the dropout's own. */
  #set(name: string): number | undefined {
    const setting = this.#core.settings.dropout
    return typeof setting === 'number' ? setting : setting?.[name]
  }

  rate(name: string): number {
    return this.#set(name) ?? this.#own.get(name)?.() ?? 0
  }

  get names(): string[] {
    if (!this.#looked) this.#look()
    return [...this.#own.keys()]
  }

  get rates(): { [name: string]: number } {
    return Object.fromEntries(this.names.map((name) => [name, this.rate(name)]))
  }

  /** What a recorded step depends on: which dropouts that were made with a rate of 0 have another. The rates are its inputs. */
  get structure(): string {
    const setting = this.#core.settings.dropout
    if (this.#key?.setting !== setting || !this.#key) {
      const woken = [...this.#own].filter(([name, own]) => own() === 0 && this.#set(name) !== undefined)
      this.#key = { setting, text: woken.map(([name]) => name).join() }
    }
    return this.#key.text
  }

  /** Runs the model's code once, so that calls of `dropout` say their names. */
  #look(): void {
    const core = this.#core
    if (core.trainee.pass && !core.trainee.iteration && core.trainee.lossName === 'own function')
      try {
        tidily(() => {
          const batch = core.nextBatch()
          withRandomness(core.randomnessOf(batch.iteration), () =>
            gradientsOf(core.trainee, core.parameters, batch),
          )
        })
      } catch {
        // What is wrong with the model's code is said where it trains.
      }
    this.#looked = true
  }

  /** The setting as it is from now on: rates by name are added to what was set before. */
  checked(value: unknown, where: string): DropoutSetting | undefined {
    if (value === null || value === undefined) return undefined
    const { names } = this
    const bad = (received: string, expected: string, fix?: string) =>
      new InputError({ where, received, expected, fix })
    if (names.length === 0)
      throw bad(
        'a model in which no dropout is known',
        'tf.layers.dropout({ rate }) in the model, or dropout(x, rate, name) of gradbook in its code',
        this.#core.trainee.iteration
          ? 'An own iteration shows its dropouts when it first runs: await run.iterate(1) before.'
          : undefined,
      )
    if (typeof value === 'number') {
      if (isRate(value)) return value
      throw bad(describe(value), 'a rate from 0 to less than 1')
    }
    if (typeof value !== 'object' || Array.isArray(value) || Object.keys(value).length === 0)
      throw bad(describe(value), `a rate, or rates by name: { ${names[0]}: 0.2 }`)
    for (const [name, rate] of Object.entries(value)) {
      if (!names.includes(name))
        throw bad(`a rate for '${name}'`, `dropouts of the model: ${listNearest(name, names)}`)
      if (!isRate(rate)) throw bad(`${describe(rate)} for '${name}'`, 'a rate from 0 to less than 1')
    }
    const { dropout } = this.#core.settings
    const before =
      typeof dropout === 'number' ? Object.fromEntries(names.map((name) => [name, dropout])) : dropout
    return { ...before, ...(value as { [name: string]: number }) }
  }

  /** The rates as a record: of these names; one number where all are alike. */
  record(value: unknown): DropoutSetting {
    const { rates } = this
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.keys(value).map((name) => [name, rates[name]!]))
    const different = new Set(Object.values(rates))
    return different.size === 1 ? [...different][0]! : rates
  }
}
