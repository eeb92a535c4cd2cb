import { describe, expect, it } from 'vitest'
import { axisTicks, fitScale, type ScaledLine } from '../../src/show/scale.js'

/** `count` values of a course, at 1, 2, 3, … */
const course = (count: number, value: (i: number) => number, noisy = false): ScaledLine => ({
  x: Array.from({ length: count }, (_, i) => i + 1),
  y: Array.from({ length: count }, (_, i) => value(i)),
  noisy,
})

describe('the scale of a panel', () => {
  it('follows the recent part of a loss that began high, and says how high', () => {
    const { domain, beyond, log } = fitScale([course(1000, (i) => 0.2 + 2.1 * Math.exp(-i / 20))])
    expect(log).toBe(false)
    expect(domain[1]).toBeLessThan(0.3)
    expect(beyond?.[1]).toBeCloseTo(2.3, 6)
  })

  it('shows every value on request, and where a cut would save no room', () => {
    const fall = course(1000, (i) => 0.2 + 2.1 * Math.exp(-i / 20))
    expect(fitScale([fall], { whole: true })).toEqual({ domain: [0, 2.4], log: false })
    const straight = fitScale([course(1000, (i) => 2 - i / 1000)])
    expect(straight.domain).toEqual([1, 2])
    expect(straight.beyond).toBeUndefined()
  })

  it('leaves an accuracy that goes from 0.1 to 0.98 at what matters now', () => {
    const { domain } = fitScale([course(20, (i) => 0.985 - 0.88 * Math.exp(-i / 1.2))])
    expect(domain[0]).toBeGreaterThan(0.95)
    expect(domain[1]).toBeLessThanOrEqual(1)
  })

  it('lets single batches lie beyond the axis, and no mean', () => {
    const spiked = (noisy: boolean) =>
      fitScale([course(1000, (i) => (i === 700 ? 50 : 1 + (i % 7) / 10), noisy)])
    expect(spiked(true).domain[1]).toBeLessThan(2)
    expect(spiked(false).domain[1]).toBe(50)
  })

  it('sees a run that diverges at its end', () => {
    const { domain } = fitScale([course(400, (i) => (i < 380 ? 1 : 1 + (i - 380) * 5), true)])
    expect(domain[1]).toBeGreaterThan(60)
  })

  it('puts a constant in the middle with its value as the one tick', () => {
    const fit = fitScale([course(10, () => 0.003)])
    expect(fit.domain).toEqual([0.0015, 0.0045])
    expect(axisTicks(fit.domain, 5, fit)).toEqual([0.003])
    const none = fitScale([course(10, () => 0)])
    expect(none.domain).toEqual([-1, 1])
    expect(axisTicks(none.domain, 5, none)).toEqual([0])
  })

  it('is logarithmic where the recent part goes through decades, and only there', () => {
    const decades = fitScale([course(400, (i) => 5000 * 10 ** (-i / 100))])
    expect(decades.log).toBe(true)
    expect(decades.domain[0]).toBeLessThan(1)
    const start = [9000, 4000, 800, 100]
    expect(fitScale([course(400, (i) => start[i] ?? 1 + (i % 5) / 5)]).log).toBe(false)
  })

  it('takes what it is given of lines that are empty, short or not finite', () => {
    expect(fitScale([]).domain).toEqual([0, 1])
    expect(fitScale([course(2, (i) => i)]).domain).toEqual([0, 1])
    expect(fitScale([course(40, (i) => (i < 20 ? 1 + i : Number.NaN))]).domain).toEqual([0, 20])
    expect(fitScale([course(40, () => -1)], { log: true })).toMatchObject({ log: false })
  })
})

describe('ticks', () => {
  it('are round numbers', () => {
    expect(axisTicks([0, 1], 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1])
    expect(axisTicks([1, 3], 5)).toEqual([1, 1.5, 2, 2.5, 3])
    expect(axisTicks([0, 3], 8, { whole: true })).toEqual([0, 1, 2, 3])
  })

  it('are powers of ten, or 1, 2 and 5 of them, on a logarithmic axis', () => {
    expect(axisTicks([0.017, 0.089], 5, { log: true })).toEqual([0.02, 0.05])
    expect(axisTicks([0.4, 3], 5, { log: true })).toEqual([0.5, 1, 2])
    expect(axisTicks([0.001, 1000], 4, { log: true })).toEqual(
      [0.001, 0.01, 0.1, 1, 10, 100, 1000].filter((_, i) => i % 2 === 0),
    )
    // Less than a factor of two: round numbers in between.
    expect(axisTicks([0.021, 0.029], 4, { log: true }).length).toBeGreaterThanOrEqual(2)
  })
})
