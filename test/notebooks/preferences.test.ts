import { beforeAll, describe, expect, it } from 'vitest'
import { gradbook, long } from '../kit/index.js'
import { committed, execute, minutes, said, sourcesOf } from './notebook.js'

/** Numbers that a line says. */
function numbers(text: string, line: RegExp): number[] {
  const found = line.exec(text)
  if (!found) throw new Error(`${line} is not in:\n${text}`)
  return found.slice(1).map(Number)
}
const share = '([\\d.]+) % \\([^)]*\\)'

/** What a notebook says in a fast setting, with SmolLM2's weights, which are fetched where they are not there. */
async function quickly(name: string, parameters: string[]): Promise<string> {
  const { code, stderr } = await gradbook(['fetch', 'smollm2'], { timeout: 4 * minutes })
  if (code !== 0) throw new Error(stderr)
  const cells = await execute(name, { parameters, timeout: 15 * minutes })
  expect(sourcesOf(cells).slice(2)).toEqual(sourcesOf(committed(name)).slice(2))
  return said(cells)
}

const preferring = '07-preferences'

describe.runIf(long)(`notebooks/${preferring}`, () => {
  let text = ''
  beforeAll(async () => {
    text = await quickly(preferring, ['iterations=3', 'questions=4', 'tokens=16', 'judged=12'])
  }, 20 * minutes)

  it('begins at ln 2 and a margin of 0', () => {
    const [loss, margin] = numbers(text, /at first: loss ([\d.]+) \(ln 2 is 0\.6931\), margin (-?[\d.]+)/)
    expect(loss).toBe(0.6931)
    expect(Math.abs(margin!)).toBe(0)
  })
})

describe(`notebooks/${preferring}, as it is committed`, () => {
  const kept = said(committed(preferring))

  it('puts at least three of four pairs that it did not see in their order, and still answers most general questions', () => {
    expect(numbers(kept, /kept pairs in their right order: (\d+) %/)[0]!).toBeGreaterThanOrEqual(75)
    const [before] = numbers(kept, new RegExp(`before: general questions ${share}`))
    const [after] = numbers(kept, new RegExp(`after: general questions ${share}`))
    expect(after!).toBeGreaterThanOrEqual(before! - 10)
  })
})
