import { beforeAll, describe, expect, it } from 'vitest'
import { committed, execute, minutes, said, sourcesOf } from './notebook.js'

/** The numbers that a pattern's groups find in the text. */
function numbers(text: string, pattern: RegExp): number[] {
  const found = pattern.exec(text)
  if (!found) throw new Error(`${pattern} is not in:\n${text}`)
  return found.slice(1).map(Number)
}

/** A program of a researcher's: executed, its outcome looked at, and so is what is committed of it. */
function program(name: string, claims: (text: () => string) => void): void {
  describe(`notebooks/research/${name}`, () => {
    let text: string
    beforeAll(async () => {
      const cells = await execute(`research/${name}`)
      expect(sourcesOf(cells)).toEqual(sourcesOf(committed(`research/${name}`)))
      text = said(cells)
    }, 4 * minutes)
    claims(() => text)
    it('says the same in its committed outputs', () => {
      text = said(committed(`research/${name}`))
    })
    claims(() => text)
  })
}

program('gan', (text) => {
  it('puts its points on the ring, all around it', () => {
    const [off, covered] = numbers(text(), /off the ring ([\d.]+), covered (\d+) %/)
    // The real ones lie 0.04 off it in the mean.
    expect(off).toBeLessThan(0.12)
    expect(covered).toBe(100)
  })

  it('is broken by a rate, and taken back to the same points', () => {
    const [broken] = numbers(text(), /broken: off the ring ([\d.]+)/)
    const [off] = numbers(text(), /off the ring ([\d.]+), covered/)
    expect(broken).toBeGreaterThan(2 * off!)
    expect(text()).toContain('back at iteration 800: the same points as before')
  })

  it('says of momentum no more than three seeds show', () => {
    const pattern =
      /beta1 0.5: off the ring [\d.]+ \(-?[\d.]+ to ([\d.]+)\)\s+beta1 0.9: off the ring [\d.]+ \((-?[\d.]+) to/
    const [to, from] = numbers(text(), pattern)
    expect(text()).toContain(to! < from! ? 'the intervals lie apart' : 'the intervals overlap')
  })
})

program('vae', (text) => {
  it('holds the digits in two numbers, by a bound that a mean image cannot reach', () => {
    const [bound] = numbers(text(), /held-out bound ([\d.]+) nats/)
    // Of pixels that are independent and have their means it is 206.
    expect(bound).toBeLessThan(178)
    expect(bound).toBeGreaterThan(140)
  })

  it('is broken by a rate, and taken back to the same bound', () => {
    const [bound] = numbers(text(), /held-out bound ([\d.]+) nats/)
    const [broken] = numbers(text(), /at 0.05: bound ([\d.]+)/)
    expect(broken).toBeGreaterThan(bound! + 10)
    expect(text()).toContain('back at iteration 600: the same bound as before')
  })

  it('has the smaller divergence where it weighs more', () => {
    const [plain, weighed] = numbers(
      text(),
      /beta 1: .*divergence ([\d.]+) [\s\S]*beta 4: .*divergence ([\d.]+) /,
    )
    expect(weighed).toBeLessThan(plain!)
    expect(text()).toContain('kl: the intervals lie apart')
  })
})

program('two-inputs-two-outputs', (text) => {
  it('learns both outputs, and says of a mistake which of them was wrong', () => {
    const [right, off] = numbers(text(), /kind right of ([\d.]+) %, price off by ([\d.]+)/)
    expect(right).toBeGreaterThan(90)
    expect(off).toBeLessThan(0.25)
    expect(text()).toMatch(/kind_probability/)
  })

  it('goes back and the same way again, and claims no more than five seeds show', () => {
    expect(text()).toContain('back at 400, and again the same to the bit')
    const [, low, high] = numbers(text(), /alike: kind_accuracy ([\d.]+) \(([\d.]+) to ([\d.]+)\)/)
    const [, from, to] = numbers(text(), /less: kind_accuracy ([\d.]+) \(([\d.]+) to ([\d.]+)\)/)
    const isTold = from! > high! || low! > to!
    expect(text().includes('five seeds do not tell')).toBe(!isTold)
  })
})

program('attention-over-sequences', (text) => {
  it('reads the distance of the marks, and looks at nothing that is filled up', () => {
    const [right] = numbers(text(), /right of ([\d.]+) %/)
    expect(right).toBeGreaterThan(80)
    expect(text()).toMatch(/filled up: 0\b/)
    expect(text()).toContain('back at 200, and again the same to the bit')
  })
})
