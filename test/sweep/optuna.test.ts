import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  choice,
  cmaEs,
  integer,
  logUniform,
  median,
  optuna,
  sweep,
  tpe,
  uniform,
  when,
} from '../../src/sweep/index.js'
import { temporaryFolder } from '../kit/files.js'
import { python } from '../kit/needs.js'
import { silence } from '../kit/training.js'

beforeEach(() => {
  silence()
  process.chdir(temporaryFolder())
  process.env.GRADBOOK_RUNS = ''
})
afterEach(() => void (process.env.GRADBOOK_RUNS = 'off'))

const ask = (program: string): any =>
  JSON.parse(
    execFileSync(python!, ['-c', program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  )

describe('a search without Optuna', () => {
  it('names the command that installs it, and the study stands', async () => {
    const study = sweep({
      name: 'lacking',
      space: { x: uniform(0, 1) },
      search: optuna({ python: '/nowhere/python' }),
      trial: ({ x }) => x,
    })
    await expect(study.run(3)).rejects.toThrow(/no Python at \/nowhere\/python.*pip install optuna/)
    expect(study.trials).toEqual([])
    expect(() => optuna({ sampler: 'best' as 'tpe' })).toThrow(/'tpe', 'cma-es', 'gp'/)
    expect(() => optuna({ seed: 1.5 })).toThrow(/whole number/)
    const two = sweep({
      space: { x: uniform(0, 1) },
      search: cmaEs(),
      objective: ['loss', 'other'],
      trial: ({ x }) => ({ loss: x, other: 1 - x }),
    })
    await expect(two.run(1)).rejects.toThrow(/one: CMA-ES/)
  })
})

describe.skipIf(!python)('a search by Optuna', () => {
  it('asks the same sampler: to the bit the trials that Optuna itself would make', async () => {
    const study = sweep({
      space: { x: uniform(-2, 2), rate: logUniform(1e-3, 1), n: integer(1, 5), c: choice('a', 'b') },
      search: tpe({ seed: 11, python: python! }),
      trial: ({ x, rate, n, c }) => (x - 1) ** 2 + rate + n + (c === 'a' ? 0 : 1),
    })
    await study.run(20)
    const theirs = ask(`
import json, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
s = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=11))
def f(t):
    x, r = t.suggest_float('x', -2, 2), t.suggest_float('rate', 1e-3, 1, log=True)
    n, c = t.suggest_int('n', 1, 5), t.suggest_categorical('c', ['a', 'b'])
    return (x - 1) ** 2 + r + n + (0 if c == 'a' else 1)
s.optimize(f, n_trials=20)
print(json.dumps([t.params for t in s.trials]))`)
    expect(study.trials.map(({ parameters }) => parameters)).toEqual(theirs)
  }, 60_000)

  it('keeps the study in Optuna’s own storage, as it was measured, and goes on there', async () => {
    const make = () =>
      sweep({
        name: 'kept',
        space: { kind: choice('sgd', 'adam'), momentum: when('kind', 'sgd', uniform(0, 0.9)) },
        objective: { maximize: 'accuracy' },
        search: tpe({ seed: 3, python: python! }),
        pruner: median({ after: 1 }),
        trial: ({ kind, momentum = 0 }, context) => {
          if (context.number === 2) throw new Error('broken')
          context.report(1, { accuracy: context.number === 3 ? -1 : momentum })
          return momentum + (kind === 'sgd' ? 0.05 : 0)
        },
      })
    const first = make()
    await first.run(4)
    await first.close()
    expect(existsSync('sweeps/kept/optuna.db')).toBe(true)
    const again = make()
    await again.run(2)
    await again.close()
    const theirs = ask(`
import json, optuna
s = optuna.load_study(study_name='kept', storage='sqlite:///sweeps/kept/optuna.db')
print(json.dumps({'direction': s.direction.name, 'best': s.best_value, 'trials':
  [[t.params, t.state.name, t.value] for t in s.trials]}))`)
    expect(theirs.direction).toBe('MAXIMIZE')
    expect(theirs.best).toBe(again.best!.values.accuracy)
    const states: { [state: string]: string } = { complete: 'COMPLETE', failed: 'FAIL', pruned: 'PRUNED' }
    expect(theirs.trials.map(([parameters, state]: [object, string]) => [parameters, state])).toEqual(
      again.trials.map(({ parameters, state }) => [parameters, states[state]]),
    )
    expect(again.trials[3]!.state).toBe('pruned')
    expect(again.trials[2]!.state).toBe('failed')
  }, 60_000)

  it('takes over the trials of another search, and finds what is better than chance', async () => {
    const space = { x: uniform(-5, 5), y: uniform(-5, 5) }
    const trial = ({ x, y }: { x: number; y: number }) => (x - 2) ** 2 + (y + 1) ** 2
    const before = sweep({ name: 'other', space, trial })
    await before.run(12)
    await before.close()
    const study = sweep({ name: 'other', space, trial, search: cmaEs({ seed: 1, python: python! }) })
    await study.run(50)
    await study.close()
    expect(study.best!.number).toBeGreaterThan(12)
    expect(study.best!.values.loss).toBeLessThan(0.1)
  }, 60_000)
})
