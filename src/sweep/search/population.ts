import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import { createRandom, type Random } from '../../data/random.js'
import { keyOf } from '../../train/order/key.js'
import { isThere, parametersAt, type Entry } from '../space.js'
import { checkSeed } from './random.js'
import type { Branch, Search } from './search.js'

export interface PopulationOptions {
  /** Members. Default: 8. */
  size?: number
  /** Iterations that each trains from one look at the others to the next. Required. */
  every: number
  /** The share of the worst that become branches of as many of the best. Default: 0.25. */
  share?: number
  /** How likely a setting is drawn anew in a branch; else it is made smaller or larger by a fifth. Default: 0.25. */
  resample?: number
  /** Default: 0. */
  seed?: number
}

interface Member {
  /** Trials that are over, the last of them complete one. */
  last:
    | { number: number; cost: number; parameters: { readonly [name: string]: unknown }; until: number }
    | undefined
  open: boolean
  /** Iterations of its newest trial. */
  until: number
}

/**
 * Trains a population: each trial takes a member `every` iterations farther. A member that is among the worst becomes a branch of one of the
 * best, weights, optimizer and all, with changed settings; the trial's `parent` says of which.
 * M. Jaderberg et al., Population Based Training of Neural Networks, 2017.
 *
 * What the space holds must be what a run can be set to on the way (a learning rate, a dropout, weight decay), not the model's shape. The
 * study needs a name: branches begin from what lies in its folder.
 *
 * @example const study = sweep({ name: 'rates', space: { rate: logUniform(1e-4, 1e-1) }, trial: ({ rate }) => rate, search: population({ size: 4, every: 100 }) })
 */
export function population(options: PopulationOptions): Search {
  const where = 'population(options)'
  const {
    size = 8,
    every,
    share = 0.25,
    resample = 0.25,
    seed = 0,
  } = named(options, ['size', 'every', 'share', 'resample', 'seed'], where)
  const check = (name: string, value: unknown, ok: boolean, expected: string) => {
    if (!ok) throw new InputError({ where: `population({ ${name} })`, received: describe(value), expected })
  }
  check('size', size, Number.isInteger(size) && size >= 2, 'a whole number of members, at least 2')
  check('every', every, Number.isInteger(every) && every >= 1, 'a whole number of iterations, at least 1')
  check('share', share, share > 0 && share <= 0.5, 'a share above 0, at most 0.5')
  check('resample', resample, resample >= 0 && resample <= 1, 'a share from 0 to 1')
  checkSeed(seed, 'population({ seed })')
  return {
    name: 'population',
    settings: { size, every, share, resample, seed },
    begin({ entries, trials, branches, folder, objectives }) {
      if (folder === undefined)
        throw new InputError({
          where,
          received: 'a study without a name, whose runs are not written',
          expected: 'one with a name: a branch begins from what lies in its folder',
          fix: "sweep({ name: 'rates', … }).",
        })
      if (objectives.length > 1)
        throw new InputError({
          where,
          received: `${objectives.length} objectives`,
          expected: 'one, by which members are ranked',
        })
      const members: Member[] = Array.from({ length: size }, () => ({
        last: undefined,
        open: false,
        until: 0,
      }))
      const byTrial = new Map<number, Branch>()
      const begin = (number: number, branch: Branch): void => {
        byTrial.set(number, branch)
        const member = members[branch.member]!
        member.open = true
        member.until = branch.until
      }
      const tell = (trial: (typeof trials)[number]): void => {
        const branch = byTrial.get(trial.number)
        if (!branch) return
        const member = members[branch.member]!
        member.open = false
        const [cost] = trial.values ?? []
        if (cost !== undefined)
          member.last = { number: trial.number, cost, parameters: trial.parameters, until: branch.until }
        // One that failed is the worst, and begins from another.
        else if (member.last) member.last = { ...member.last, cost: Infinity }
      }
      for (const [number, branch] of branches) begin(number, branch)
      for (const trial of trials) tell(trial)
      const asked = new Map<number, Branch>()
      return {
        atOnce: size,
        async ask(number) {
          const random = createRandom(keyOf(seed, 'population', number))
          const fresh = () => parametersAt(entries, () => random.next())
          const at = next(members)
          const member = members[at]!
          const from = member.last && originOf(member as Member & { last: object }, members, share, random)
          const branch: Branch = {
            member: at,
            from: from?.last.number,
            until: (from?.last.until ?? 0) + every,
          }
          begin(number, branch)
          asked.set(number, branch)
          if (!from) return fresh()
          if (from === member && Number.isFinite(member.last!.cost)) return from.last.parameters
          return changed(entries, from.last.parameters, fresh(), resample, random)
        },
        branchOf: (number) => asked.get(number),
        tell: async (trial) => tell(trial),
      }
    },
  }
}

/** The one that has come least far of those that nobody trains. */
function next(members: readonly Member[]): number {
  const free = [...members.keys()].filter((at) => !members[at]!.open)
  if (free.length === 0)
    throw new InputError({
      where: 'population(options)',
      received: `all ${members.length} members at work`,
      expected: 'one of which is told what came of it: study.tell(number, outcome)',
    })
  return free.reduce((a, b) => (members[b]!.until < members[a]!.until ? b : a))
}

type Known = Member & { last: NonNullable<Member['last']> }

/** Itself, or, where it is among the worst, one of the best. */
function originOf(member: Known, members: readonly Member[], share: number, random: Random): Known {
  const ranked = (members.filter(({ last }) => last) as Known[]).toSorted((a, b) => a.last.cost - b.last.cost)
  const count = Math.max(1, Math.floor(share * ranked.length))
  if (ranked.length < 2 || ranked.indexOf(member) < ranked.length - count) return member
  return ranked[random.integer(count)]!
}

/** Settings near to others: each a fifth smaller or larger, the next value of a choice, or drawn anew. */
function changed(
  entries: readonly Entry[],
  from: { readonly [name: string]: unknown },
  fresh: { readonly [name: string]: unknown },
  resample: number,
  random: Random,
): { [name: string]: unknown } {
  const found: { [name: string]: unknown } = {}
  for (const { name, dimension } of entries) {
    const [anew, up] = [random.next() < resample, random.next() < 0.5]
    if (!isThere(dimension, found)) continue
    const value = from[name]
    if (anew || value === undefined) found[name] = name in fresh ? fresh[name] : dimension.at(random.next())
    else if (dimension.kind === 'choice') {
      const values = dimension.values(1)
      const at = values.indexOf(value)
      found[name] = values[at + (up ? 1 : -1)] ?? values[at + (up ? -1 : 1)] ?? value
    } else {
      const { low, high, step = 1 } = dimension.settings as { low: number; high: number; step?: number }
      const moved = (upwards: boolean) => {
        const near = (value as number) * (upwards ? 1.2 : 0.8)
        // At least one step, so that small numbers change too.
        const far = Math.max(step, Math.round(Math.abs(near - (value as number)) / step) * step)
        const to = dimension.kind === 'integer' ? (value as number) + (upwards ? far : -far) : near
        return Math.min(high, Math.max(low, to))
      }
      const first = moved(up)
      found[name] = first === value ? moved(!up) : first
    }
  }
  return found
}
