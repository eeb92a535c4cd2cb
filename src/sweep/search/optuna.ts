import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import { Python } from './python.js'
import { checkSeed } from './random.js'
import type { Search, Task, Told } from './search.js'

export interface OptunaOptions {
  /** `'tpe'` (the default), `'cma-es'` (numbers only, better with many trials) or `'gp'` (few, costly trials). */
  sampler?: 'tpe' | 'cma-es' | 'gp'
  /** Of the sampler. Default: 0. */
  seed?: number
  /** The Python that has Optuna. Default: GRADBOOK_PYTHON, that of an active environment, `python3`. */
  python?: string
}

const samplers = ['tpe', 'cma-es', 'gp'] as const
const program = new URL('assets/ask-optuna.py', import.meta.url)

/**
 * Lets Optuna choose (PyPI `optuna`, in a process of its own): TPE, CMA-ES or a Gaussian process. A study with a name lies in Optuna's
 * own storage too: `optuna-dashboard sqlite:///sweeps/NAME/optuna.db` opens it.
 *
 * @throws InputError, when it is first asked, naming the command that installs what is missing.
 * @example const study = sweep({ space: { x: uniform(0, 1) }, trial: ({ x }) => x ** 2, search: optuna({ sampler: 'tpe', seed: 1 }) })
 */
export function optuna(options: OptunaOptions = {}): Search {
  const {
    sampler = 'tpe',
    seed = 0,
    python,
  } = named(options, ['sampler', 'seed', 'python'], 'optuna(options)')
  if (!samplers.includes(sampler))
    throw new InputError({
      where: 'optuna({ sampler })',
      received: describe(sampler),
      expected: samplers.map(describe).join(', '),
    })
  checkSeed(seed, 'optuna({ seed })')
  if (!Number.isSafeInteger(seed) || seed < 0 || seed >= 2 ** 32)
    throw new InputError({
      where: 'optuna({ seed })',
      received: describe(seed),
      expected: "a whole number from 0 to 2^32 - 1, which is what NumPy's generators take",
    })
  return {
    name: sampler,
    settings: { seed },
    begin(task) {
      if (sampler === 'cma-es' && task.objectives.length > 1)
        throw new InputError({
          where: "optuna({ sampler: 'cma-es' })",
          received: `${task.objectives.length} objectives`,
          expected: 'one: CMA-ES follows a single number',
          fix: "optuna({ sampler: 'tpe' }) takes several.",
        })
      const told: Told[] = [...task.trials]
      let asked: Promise<Python> | undefined
      const open = (): Promise<Python> => (asked ??= begin(task, told, { sampler, seed, python }))
      return {
        async ask(number) {
          const process = await open().catch((error: unknown) => {
            asked = undefined
            throw error
          })
          const { parameters } = await process.ask({ do: 'ask', number })
          return parameters as { [name: string]: unknown }
        },
        async tell(trial) {
          told.push(trial)
          if (asked) await (await asked).ask({ do: 'tell', ...asTold(trial, task) })
        },
        async close() {
          const process = await asked?.catch(() => undefined)
          asked = undefined
          await process?.end()
        },
      }
    },
  }
}

/** Tree-structured Parzen estimators: `optuna({ sampler: 'tpe' })`. */
export const tpe = (options: Omit<OptunaOptions, 'sampler'> = {}): Search =>
  optuna({ ...options, sampler: 'tpe' })
/** Covariance matrix adaptation (PyPI `cmaes`): `optuna({ sampler: 'cma-es' })`. */
export const cmaEs = (options: Omit<OptunaOptions, 'sampler'> = {}): Search =>
  optuna({ ...options, sampler: 'cma-es' })
/** A Gaussian process (PyPI `scipy` and `torch`): `optuna({ sampler: 'gp' })`. */
export const gp = (options: Omit<OptunaOptions, 'sampler'> = {}): Search =>
  optuna({ ...options, sampler: 'gp' })

async function begin(
  { name, folder, objectives, entries }: Task,
  told: readonly Told[],
  { sampler, seed, python }: { sampler: string; seed: number; python: string | undefined },
): Promise<Python> {
  const process = await Python.start(program, {
    python,
    where: `search: optuna({ sampler: '${sampler}' })`,
    packages: sampler === 'cma-es' ? 'optuna cmaes' : sampler === 'gp' ? 'optuna scipy torch' : 'optuna',
  })
  const opened = process.ask({
    do: 'open',
    name,
    storage: folder === undefined ? null : `sqlite:///${folder}/optuna.db`,
    directions: objectives.map(({ larger }) => (larger ? 'maximize' : 'minimize')),
    space: entries.map(({ name: parameter, dimension: { kind, settings, given } }) => ({
      name: parameter,
      kind,
      settings,
      ...(given && { given }),
    })),
    sampler,
    seed,
    trials: told.map((trial) => asTold(trial, { objectives })),
  })
  try {
    await opened
  } catch (error) {
    void process.end()
    throw error
  }
  return process
}

/** Values as they were measured: a search is told smaller ones for better ones. */
function asTold(
  { number, parameters, state, values, iteration }: Told,
  { objectives }: Pick<Task, 'objectives'>,
) {
  return {
    number,
    parameters,
    state,
    values: values?.map((value, i) => (objectives[i]!.larger ? -value : value)) ?? null,
    iteration: iteration ?? 0,
  }
}
