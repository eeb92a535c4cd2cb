import { beforeAll, describe, expect, it } from 'vitest'
import { committed, execute, minutes, said, sourcesOf } from './notebook.js'

/** The numbers that a pattern's groups find in the text. */
function numbers(text: string, pattern: RegExp): number[] {
  const found = pattern.exec(text)
  if (!found) throw new Error(`${pattern} is not in:\n${text}`)
  return found.slice(1).map(Number)
}

function story(name: string, claims: (text: () => string) => void): void {
  describe(`notebooks/${name}`, () => {
    let text: string
    beforeAll(async () => {
      const cells = await execute(name)
      expect(sourcesOf(cells)).toEqual(sourcesOf(committed(name)))
      text = said(cells)
    }, 4 * minutes)
    claims(() => text)
    it('says the same in its committed outputs', () => {
      text = said(committed(name))
    })
    claims(() => text)
  })
}

story('02-inspect-mistakes', (text) => {
  it('finds nearly all wrong labels among the most doubtful', () => {
    const [found, wrong] = numbers(text(), /(\d+) of the (\d+) wrong labels are among the 1000/)
    expect(found! / wrong!).toBeGreaterThan(0.9)
  })

  it('does better on the test digits with the labels corrected', () => {
    const [lossRight, lossWrong] = numbers(text(), /test loss: corrected ([\d.]+), uncorrected ([\d.]+)/)
    expect(lossRight).toBeLessThan(lossWrong!)
    const [right, wrong] = numbers(text(), /test accuracy: corrected ([\d.]+) %, uncorrected ([\d.]+) %/)
    expect(right).toBeGreaterThan(wrong!)
  })
})

story('03-adjust-while-training', (text) => {
  it('changes a run that trains, pauses it and lets it go on to its end', () => {
    expect(text()).toContain('training at iteration 200 or later')
    expect(text()).toContain('the loss jumps about')
    expect(text()).toMatch(/paused: accuracy 0\.\d+/)
    expect(text()).toContain('idle at iteration 600')
  })

  it('takes the rounds back with what their rules changed', () => {
    expect(text()).toContain('from iteration 1000 back to 600; 1 adjustment left')
  })

  it('says no more of the hardest half than five seeds show', () => {
    const [hard, hardSpread] = numbers(text(), /hardest half ([\d.]+) \+- ([\d.]+)/)
    const [all, allSpread] = numbers(text(), /all of them +([\d.]+) \+- ([\d.]+)/)
    expect(Math.abs(hard! - all!)).toBeLessThan(Math.max(hardSpread!, allSpread!))
    expect(text()).toContain('within the spread of the seeds: neither is shown to be better')
    // The sentence below has the numbers of the committed output.
    const cells = committed('03-adjust-while-training')
    const claim = /\*\*([\d.]+) ± ([\d.]+)\*\*.*\*\*([\d.]+) ± ([\d.]+)\*\*/
    const written = numbers(sourcesOf(cells).join('\n'), claim)
    const shown = said(cells)
    expect(written).toEqual([
      ...numbers(shown, /hardest half ([\d.]+) \+- ([\d.]+)/),
      ...numbers(shown, /all of them +([\d.]+) \+- ([\d.]+)/),
    ])
  })
})

story('04-branches', (text) => {
  it('goes the same way again from the fork', () => {
    expect(text()).toContain('back at iteration 200')
    expect(text()).toContain('equal to the bit')
  })

  it('replays an adjustment at its iteration', () => {
    expect(text()).toMatch(/200 +learning rate 0\.001 → 0\.004 +what if we hurry/)
  })

  it('tells with several seeds that the larger rate is ahead', () => {
    expect(text()).toContain('the larger rate is ahead')
  })
})
