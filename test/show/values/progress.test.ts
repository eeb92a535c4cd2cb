import { describe, expect, it } from 'vitest'
import { fitLine, progressLine, runText } from '../../../src/show/values/progress.js'
import { runView } from '../sample-views.js'

const line = progressLine(runView(300, { live: true, to: 1000, milliseconds: 1500 }))

describe('a line of progress', () => {
  it('on a narrow terminal gives up its sparkline, then most of its bar, and keeps the loss', () => {
    expect(line).toMatch(/^first {2}█{6}░{14} 300\/1,000 {2}loss .* left {2}[▁-█]{16}$/)
    expect(fitLine(line, 200)).toBe(line)
    const shorter = line.replace(/ {2}[▁-█]+$/, '')
    expect(fitLine(line, line.length - 1)).toBe(shorter)
    for (const columns of [39, 60, 79])
      expect([...fitLine(line, columns)].length).toBeLessThanOrEqual(columns)
    expect(fitLine(line, 39)).toMatch(/^first {2}█▊░{4} 300\/1,000 {2}loss 0\.\d+/)
  })
})

describe('the text of a run', () => {
  it('ends with a table of what the call evaluated', () => {
    const lines = runText(runView(500)).split('\n')
    expect(lines[2]).toMatch(/^iteration +loss +evaluation +accuracy$/)
    expect(lines.slice(4).map((row) => row.split(/ +/).filter(Boolean)[0])).toEqual([
      '125',
      '250',
      '375',
      '500',
    ])
    expect(Number(lines[4]!.split(/ +/).filter(Boolean)[1])).toBeGreaterThan(1)
  })

  it('has at most 8 of many, first and last among them, and none where there is nothing to compare', () => {
    const evaluations = Array.from({ length: 100 }, (_, i) => ({ iteration: i + 1, loss: 1 / (i + 1) }))
    const many = runText(runView(100, { evaluations, metrics: [] })).split('\n')
    expect(many).toHaveLength(2 + 2 + 8)
    expect(many.at(4)).toMatch(/^ +1 /)
    expect(many.at(-1)).toMatch(/^ +100 /)
    expect(runText(runView(500, { from: 400 }))).toBe(progressLine(runView(500, { from: 400 })))
  })
})
