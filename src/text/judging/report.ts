import { shareInterval } from '../../mistakes/interval.js'
import type { AgreementRow, JudgementsView, LeaningShare } from '../../views.js'

/** What somebody said of a pair: plain data. */
export interface Judgement {
  /** Of the pair. */
  id: string
  by: string
  /** Which time this person went through them, counting from 1. */
  sitting: number
  /** Which of the two answers stood left. */
  left: 0 | 1
  choice: 'left' | 'right' | 'both bad'
  /** Characters of the two answers. */
  lengths: readonly [number, number]
  /** An answer that is better than both, which this person wrote. */
  better?: string
}

/** The answer that was chosen; undefined where both are bad. */
export const verdictOf = ({ left, choice }: Judgement): 0 | 1 | undefined =>
  choice === 'both bad' ? undefined : choice === 'left' ? left : ((1 - left) as 0 | 1)

/** Agreement and leanings of those who judged. */
export function reportOf(judgements: readonly Judgement[], pairs: number): JudgementsView {
  const people = [...new Set(judgements.map(({ by }) => by))]
  const of = (name: string) => judgements.filter(({ by }) => by === name)
  return {
    kind: 'judgements',
    count: judgements.length,
    pairs,
    people: people.map((name) => {
      const own = of(name)
      const clear = own.filter(({ choice }) => choice !== 'both bad')
      const uneven = clear.filter(({ lengths }) => lengths[0] !== lengths[1])
      const again = agreement(twice(own))
      return {
        name,
        sittings: new Set(own.map(({ sitting }) => sitting)).size,
        judged: own.length,
        bothBad: own.length - clear.length,
        written: own.filter(({ better }) => better !== undefined).length,
        left: shareWhere(clear, ({ choice }) => choice === 'left'),
        longer: shareWhere(uneven, (one) => {
          const chosen = verdictOf(one)!
          return one.lengths[chosen] > one.lengths[1 - chosen]!
        }),
        ...(again && { again }),
      }
    }),
    agreement: people.flatMap((one, i) =>
      people.slice(i + 1).flatMap((other) => {
        const found = agreement(shared(of(one), of(other)))
        return found ? [{ people: [one, other] as const, ...found }] : []
      }),
    ),
  }
}

function shareWhere(some: readonly Judgement[], holds: (one: Judgement) => boolean): LeaningShare {
  const [share, from, to] = shareInterval(some.filter(holds).length, some.length)
  return { count: some.length, share, from, to }
}

type Verdict = 0 | 1 | undefined

/** What one person said of a pair in a sitting and in the next. */
function twice(own: readonly Judgement[]): [Verdict, Verdict][] {
  const byPair = new Map<string, Judgement[]>()
  for (const one of own) byPair.set(one.id, [...(byPair.get(one.id) ?? []), one])
  return [...byPair.values()].flatMap((some) => {
    const sorted = some.toSorted((a, b) => a.sitting - b.sitting)
    return sorted.slice(1).map((one, i): [Verdict, Verdict] => [verdictOf(sorted[i]!), verdictOf(one)])
  })
}

/** What two people said of the same pair, each at last. */
function shared(one: readonly Judgement[], other: readonly Judgement[]): [Verdict, Verdict][] {
  const last = (some: readonly Judgement[]) => new Map(some.map((judgement) => [judgement.id, judgement]))
  const others = last(other)
  return [...last(one)].flatMap(([id, judgement]): [Verdict, Verdict][] =>
    others.has(id) ? [[verdictOf(judgement), verdictOf(others.get(id)!)]] : [],
  )
}

/** The share that is the same, and Cohen's kappa (1960): how much more than by chance, 1 for all. */
function agreement(said: readonly [Verdict, Verdict][]): Omit<AgreementRow, 'people'> | undefined {
  const count = said.length
  if (count === 0) return undefined
  const [same, from, to] = shareInterval(said.filter(([a, b]) => a === b).length, count)
  const byChance = ([0, 1, undefined] as const)
    .map((verdict) => [0, 1].map((side) => said.filter((pair) => pair[side] === verdict).length / count))
    .reduce((sum, [a, b]) => sum + a! * b!, 0)
  return { count, same, from, to, kappa: byChance === 1 ? NaN : (same - byChance) / (1 - byChance) }
}
