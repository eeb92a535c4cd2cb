import { beforeEach, describe, expect, it } from 'vitest'
import { toBundle } from '../../../src/show/values/values.js'
import { judge, shop, type Judgement } from '../../../src/text/index.js'
import { judgeBox } from '../../../src/widgets/index.js'
import { fakeNotebook } from '../../widgets/fake.js'

const pairs = Array.from({ length: 40 }, (_, i) => ({
  prompt: `question ${i}`,
  answers: ['short', 'a longer answer'] as const,
}))
const all = (
  judging: ReturnType<typeof judge>,
  choose: (next: { left: string; right: string }) => 'left' | 'right' | 'both bad',
) => {
  while (judging.next) judging.choose(choose(judging.next))
  return judging
}

describe('answers that are judged', () => {
  it('stand in places that chance decides, the same by the same seed, others in another sitting', () => {
    const lefts = (judging: ReturnType<typeof judge>) => {
      const seen: string[] = []
      all(judging, ({ left }) => (seen.push(left), 'left'))
      return seen.map((text) => (text === 'short' ? 's' : 'l')).join('')
    }
    const first = judge(pairs, { by: 'Anna' })
    const seen = lefts(first)
    expect(seen.match(/s/g)!.length).toBeGreaterThan(10)
    expect(seen.match(/s/g)!.length).toBeLessThan(30)
    expect(lefts(judge(pairs, { by: 'Anna' }))).toBe(seen)
    expect(lefts(judge(pairs, { by: 'Ben' }))).not.toBe(seen)
    expect(lefts(judge(pairs, { by: 'Anna', judgements: first.judgements }))).not.toBe(seen)
  })

  it('become pairs, whichever side they stood on; of both bad there is none, of a written one two', () => {
    const judging = judge(pairs.slice(0, 3), { by: 'Anna' })
    judging.choose(judging.next!.left === 'short' ? 'left' : 'right')
    judging.choose('both bad')
    judging.choose('both bad', { better: ' the best ' })
    const [first, second, third] = judging.judgements.map(({ id }) => `question ${id}`)
    expect(judging.pairs.filter(({ prompt }) => prompt === first)).toEqual([
      { prompt: first, chosen: 'short', rejected: 'a longer answer' },
    ])
    expect(judging.pairs.filter(({ prompt }) => prompt === second)).toEqual([])
    expect(judging.pairs.filter(({ prompt }) => prompt === third)).toEqual([
      { prompt: third, chosen: 'the best', rejected: 'short' },
      { prompt: third, chosen: 'the best', rejected: 'a longer answer' },
    ])
    expect(judging.next).toBeUndefined()
    expect(() => judging.choose('left')).toThrow(/all are judged/)
    judging.back()
    expect(judging.pairs).toHaveLength(1)
    expect(() => judging.choose('left', { better: 'short' })).toThrow(/neither of the two/)
    expect(() => judging.choose('up' as never)).toThrow(/'left', 'right' or 'both bad'/)
  })

  it('of several people are pairs where most agree, by the last word of each', () => {
    const one = [{ id: 'a', prompt: 'p', answers: ['x', 'y'] as const }]
    const said = (by: string, sitting: number, answer: 0 | 1): Judgement => ({
      id: 'a',
      by,
      sitting,
      left: 0,
      choice: answer === 0 ? 'left' : 'right',
      lengths: [1, 1],
    })
    const of = (...judgements: Judgement[]) => judge(one, { by: 'nobody', judgements }).pairs
    expect(of(said('Anna', 1, 0), said('Ben', 1, 1))).toEqual([])
    expect(of(said('Anna', 1, 0), said('Anna', 2, 1), said('Ben', 1, 1))).toEqual([
      { prompt: 'p', chosen: 'y', rejected: 'x' },
    ])
  })

  it('tell how people agree, and what their choices lean to', () => {
    const first = all(judge(pairs, { by: 'Lefty' }), () => 'left')
    const again = all(judge(pairs, { by: 'Lefty', judgements: first.judgements }), () => 'left')
    const both = all(judge(pairs, { by: 'Longer', judgements: again.judgements }), ({ left }) =>
      left === 'short' ? 'right' : 'left',
    )
    const { people, agreement, count } = both.report()
    expect(count).toBe(120)
    const [lefty, longer] = people
    expect(lefty).toMatchObject({ name: 'Lefty', sittings: 2, judged: 80, bothBad: 0 })
    expect(lefty!.left).toMatchObject({ share: 1, count: 80 })
    expect(lefty!.left.from).toBeGreaterThan(0.9)
    // Who always takes the left agrees with nobody by more than chance.
    expect(lefty!.again!.count).toBe(40)
    expect(Math.abs(lefty!.again!.kappa)).toBeLessThan(0.4)
    expect(longer!.longer).toMatchObject({ share: 1, count: 40 })
    expect(longer!.left.from).toBeLessThan(0.5)
    expect(longer!.left.to).toBeGreaterThan(0.5)
    expect(longer!.again).toBeUndefined()
    expect(agreement).toHaveLength(1)
    expect(agreement[0]!.people).toEqual(['Lefty', 'Longer'])
    const text = toBundle(both.report())!['text/plain'] as string
    expect(text).toContain('Lefty leans to the left')
    expect(text).toContain('Longer to the longer')
  })

  it('have Cohen’s kappa: 20 pairs of which 15 are judged the same, 0.4', () => {
    // Cohen's own kind of table: yes and yes 10, no and no 5, yes and no 2, no and yes 3.
    const table: [number, 0 | 1, 0 | 1][] = [
      [10, 0, 0],
      [5, 1, 1],
      [2, 0, 1],
      [3, 1, 0],
    ]
    const said = (by: string, side: 1 | 2): Judgement[] =>
      table
        .flatMap((row) => Array.from({ length: row[0] }, () => row[side]))
        .map((answer, i) => ({
          id: String(i),
          by,
          sitting: 1,
          left: 0,
          choice: answer === 0 ? 'left' : 'right',
          lengths: [1, 1],
        }))
    const judging = judge(pairs.slice(0, 20), { judgements: [...said('A', 1), ...said('B', 2)] })
    const [row] = judging.report().agreement
    expect(row!.same).toBe(0.75)
    // By chance 0.6 * 0.65 + 0.4 * 0.35 = 0.53.
    expect(row!.kappa).toBeCloseTo((0.75 - 0.53) / (1 - 0.53), 12)
  })

  it('come from the pairs of the shop, and refuse what is no pair', async () => {
    const { preferences } = await shop()
    expect(judge(preferences).next!.prompt).toMatch(/^system: .*\nuser: /s)
    expect(() => judge([])).toThrow(/at least one/)
    expect(() => judge([{ prompt: 'p', answers: ['x', 'x'] }])).toThrow(/two answers that differ/)
    expect(() => judge(pairs, { judgements: [{ id: 'other' } as Judgement] })).toThrow(/none of these/)
    expect(() => judge(pairs, { by: ' ' })).toThrow(/a name/)
  })
})

describe('the box to judge in', () => {
  let notebook: ReturnType<typeof fakeNotebook>
  beforeEach(() => {
    notebook = fakeNotebook()
  })
  const comm = (description: string) =>
    notebook.comms.find(({ opened }) => opened?.state?.description === description)!
  const click = (description: string) =>
    comm(description).receive({ method: 'custom', content: { event: 'click' } })
  const touch = (description: string, state: object) => comm(description).receive({ method: 'update', state })
  const html = () => {
    const found = notebook.comms.find(({ opened }) => opened?.state?._model_name === 'HTMLModel')!
    return [found.opened, ...found.sent.map(({ data }) => data)].findLast(({ state }) => 'value' in state)
      .state.value as string
  }

  it('takes clicks and keys, a better answer, and steps back', () => {
    const judging = judge(
      pairs.slice(0, 4).map((pair) => ({ ...pair, answers: ['<b>x</b>', pair.answers[1]] as const })),
      { by: 'Anna' },
    )
    const box = judgeBox(judging)
    expect(html()).toContain('1 of 4')
    expect(html()).toContain('&lt;b&gt;x&lt;/b&gt;')
    expect(html()).not.toContain('<b>x')
    click('Left is better (1)')
    touch('keys', { value: '2' })
    touch('keys', { value: '0' })
    expect(judging.judgements.map(({ choice }) => choice)).toEqual(['left', 'right', 'both bad'])
    expect(html()).toContain('4 of 4')
    touch('keys', { value: 'b' })
    click('Back (b)')
    expect(judging.judgements).toHaveLength(1)
    const better = notebook.comms.find(({ opened }) => opened?.state?._model_name === 'TextareaModel')!
    better.receive({ method: 'update', state: { value: 'We are open from ten.' } })
    click('This is better')
    expect(judging.judgements.at(-1)).toMatchObject({ choice: 'both bad', better: 'We are open from ten.' })
    click('This is better')
    expect(judging.judgements).toHaveLength(2)
    expect(
      notebook.comms.some(({ sent }) =>
        sent.some(({ data }) => String(data?.state?.value).includes('neither of the two answers')),
      ),
    ).toBe(true)
    touch('keys', { value: '1' })
    touch('keys', { value: '1' })
    expect(html()).toContain('All are judged')
    box.close()
  })
})
