import { beforeAll, describe, expect, it } from 'vitest'
import { committed, execute, minutes, said, sourcesOf } from './notebook.js'

/** The numbers that a pattern's groups find in the text. */
function numbers(text: string, pattern: RegExp): number[] {
  const found = pattern.exec(text)
  if (!found) throw new Error(`${pattern} is not in:\n${text}`)
  return found.slice(1).map(Number)
}

/** One row a notebook of `notebooks/research/` whose data is made while training: what has to come out of it. */
const outcomes: { readonly [name: string]: (text: string) => void } = {
  dqn(text) {
    // Caught is 1, missed -1; at random a paddle of three moves catches about 4 in 10.
    const [gained] = numbers(text, /return of the last 200 games: (-?[\d.]+)/)
    expect(gained).toBeGreaterThan(0.8)
    expect(text).toContain('back at iteration 600, with 5000 transitions')
    expect(text).toContain('the same 50 iterations, to the bit')
    const [large, from, to] = numbers(text, /capacity 5000: return (-?[\d.]+) \((-?[\d.]+) to (-?[\d.]+)\)/)
    expect(from! <= large! && large! <= to!).toBe(true)
    numbers(text, /capacity 64: return (-?[\d.]+) \(/)
  },
  reinforce(text) {
    const [first, lately] = numbers(text, /steps until it falls: (\d+) at first, (\d+) lately/)
    expect(first).toBeLessThan(50)
    expect(lately).toBeGreaterThan(120)
    expect(text).toContain('the same episodes again, to the bit')
    const [fast] = numbers(text, /rate 0\.02: (\d+) steps \(/)
    const [slow] = numbers(text, /rate 0\.002: (\d+) steps \(/)
    expect(fast).toBeGreaterThan(slow!)
  },
  diffusion(text) {
    const [first, now, share] = numbers(
      text,
      /mean distance to the moons: ([\d.]+) at first, ([\d.]+) now; (\d+) % are nearer/,
    )
    expect(now).toBeLessThan(first! / 5)
    expect(share).toBeGreaterThan(60)
    expect(text).toContain('the same points and the same noise, to the bit')
    for (const width of [8, 96]) {
      const [mean, from, to] = numbers(
        text,
        new RegExp(`${width} units: ([\\d.]+) \\(([\\d.]+) to ([\\d.]+)\\)`),
      )
      expect(from! <= mean! && mean! <= to!).toBe(true)
    }
  },
}

describe.each(Object.keys(outcomes))('notebooks/research/%s', (name) => {
  let text: string
  beforeAll(async () => {
    const cells = await execute(`research/${name}`)
    expect(sourcesOf(cells)).toEqual(sourcesOf(committed(`research/${name}`)))
    text = said(cells)
  }, 4 * minutes)

  it('comes to what it says', () => outcomes[name]!(text))
  it('says the same in its committed outputs', () => outcomes[name]!(said(committed(`research/${name}`))))
})
