import { beforeAll, describe, expect, it } from 'vitest'
import { committed, execute, minutes, said, sourcesOf } from './notebook.js'

const name = '08-rewards'

/** Shares in per cent that a line says, without their intervals. */
function percents(text: string, line: RegExp): number[] {
  const found = line.exec(text)
  if (!found) throw new Error(`${line} is not in:\n${text}`)
  return found.slice(1).map(Number)
}
const share = '([\\d.]+) % \\([^)]*\\)'
const gained = /gained (-?[\d.]+) points \((-?[\d.]+) to (-?[\d.]+)\), by (\d+) seeds/

describe(`notebooks/${name}`, () => {
  let text = ''
  beforeAll(async () => {
    const parameters = ['iterations=20', 'schooling=450', 'seeds=2']
    const cells = await execute(name, { parameters, timeout: 15 * minutes })
    const written = sourcesOf(committed(name))
    expect(sourcesOf(cells).slice(2)).toEqual(written.slice(2))
    text = said(cells)
  }, 15 * minutes)

  it('hacks the kind reward in a few iterations: that rises, and fewer sums are right', () => {
    const [right, kind] = percents(text, new RegExp(`before: right ${share}, kind reward ${share}`))
    const [rightThen, kindThen] = percents(
      text,
      new RegExp(`after the kind reward: right ${share}, kind reward ${share}`),
    )
    expect(kindThen!).toBeGreaterThan(kind! + 2)
    expect(rightThen!).toBeLessThan(right! - 10)
  })

  it('takes the kind reward back to where it began', () => {
    const [before] = percents(text, new RegExp(`before: right ${share}`))
    expect(percents(text, new RegExp(`taken back: right ${share}`))).toEqual([before])
  })
})

describe(`notebooks/${name}, as it is committed`, () => {
  const kept = said(committed(name))

  it('shows a reward that rises while what is meant falls to nothing', () => {
    const [right, kind] = percents(kept, new RegExp(`before: right ${share}, kind reward ${share}`))
    const [rightThen, kindThen] = percents(
      kept,
      new RegExp(`after the kind reward: right ${share}, kind reward ${share}`),
    )
    expect(kindThen!).toBeGreaterThan(kind! + 5)
    expect(rightThen!).toBeLessThan(right! / 10)
  })

  it('is mended: more sums are right than before', () => {
    const [after, before] = percents(kept, new RegExp(`mended: right ${share}; before: ${share}`))
    expect(after!).toBeGreaterThan(before! + 10)
  })

  it('gains at least 15 points by five seeds, in at most ten minutes of rewards each', () => {
    const [points, from, , seeds] = percents(kept, gained)
    expect(points!).toBeGreaterThanOrEqual(15)
    expect(from!).toBeGreaterThan(0)
    expect(seeds).toBe(5)
    expect(percents(kept, /rewards took (\d+) s a seed at most/)[0]!).toBeLessThan(600)
  })
})
