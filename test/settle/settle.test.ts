/** The door for temporary changes, by what V8 really does where it ends JavaScript: a time limit of `node:vm` is such an end. */
import { runInThisContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import {
  atomically,
  committing,
  during,
  mayEnd,
  settle,
  settleLeft,
  settleOf,
  temporary,
  whileWaiting,
} from '../../src/settle.js'

/** Runs `work`, and ends it in the middle after some milliseconds; neither `catch` nor `finally` of it runs. */
function cutShort(work: () => unknown, after = 20): void {
  ;(globalThis as { cut?: unknown }).cut = work
  expect(() => runInThisContext('cut()', { timeout: after })).toThrow('timed out')
}

function loop(): never {
  for (;;);
}

describe('a temporary change', () => {
  it('is put back at the end of its work, and after an error', () => {
    let value = 1
    const change = (work: () => unknown) =>
      during(
        () => void (value = 1),
        () => {
          value = 2
          return work()
        },
      )
    expect(change(() => value)).toBe(2)
    expect(value).toBe(1)
    expect(() =>
      change(() => {
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(value).toBe(1)
  })

  it('stays where JavaScript is ended in its work, until somebody asks for what was left', () => {
    const values: number[] = []
    cutShort(() =>
      during(
        () => values.push(1),
        () => during(() => values.push(2), loop),
      ),
    )
    expect(values).toEqual([])
    settleLeft()
    expect(values).toEqual([2, 1])
    settle()
    expect(values).toEqual([2, 1])
  })

  it('is not taken for left by what it calls itself, however deep', () => {
    let value = 1
    const deep = (depth: number): number => {
      if (depth > 0) return deep(depth - 1)
      settleLeft()
      return value
    }
    const seen = during(
      () => void (value = 1),
      () => {
        value = 2
        const end = temporary(() => void (value = 2))
        value = 3
        const found = deep(300)
        end()
        return found
      },
    )
    expect([seen, value]).toEqual([3, 1])
  })

  it('that was left within one that goes on is put back by a call in the latter, and the latter is not', () => {
    const ended: string[] = []
    during(
      () => ended.push('outer'),
      () => {
        cutShort(() => during((left) => ended.push(`inner ${left}`), loop))
        during(
          () => ended.push('second'),
          () => settleLeft(),
        )
        expect(ended).toEqual(['inner true', 'second'])
      },
    )
    expect(ended).toEqual(['inner true', 'second', 'outer'])
  })

  it('that cannot be put back does not keep others from it', () => {
    const ended: number[] = []
    cutShort(() =>
      during(
        () => ended.push(1),
        () =>
          during(() => {
            throw new Error('cannot')
          }, loop),
      ),
    )
    expect(() => settle()).toThrow('cannot')
    expect(ended).toEqual([1])
  })

  it('leaves how errors are described as it was', () => {
    const before = [Error.stackTraceLimit, Error.prepareStackTrace]
    during(
      () => {},
      () => settleLeft(),
    )
    expect([Error.stackTraceLimit, Error.prepareStackTrace]).toEqual(before)
  })
})

describe('work that is to be left whole', () => {
  const may = () => runInThisContext(mayEnd) as boolean
  it('says so to whoever would end it, and no longer than it takes', () => {
    expect(may()).toBe(true)
    expect(atomically(() => atomically(may))).toBe(false)
    expect(may()).toBe(true)
    expect(
      committing((commit) => {
        const before = may()
        commit()
        return [before, may()]
      }),
    ).toEqual([true, false])
    expect(may()).toBe(true)
  })
  it('ended all the same, it is over once that is settled', () => {
    cutShort(() => atomically(loop))
    settle()
    expect(may()).toBe(true)
  })
})

it('what waits is put back when its owner gives it up, the latest first, once', () => {
  const [mine, other] = [{}, {}]
  const ended: string[] = []
  whileWaiting(() => ended.push('a'), mine)
  whileWaiting(() => ended.push('b'), other)
  const isWaiting = whileWaiting(() => ended.push('c'), mine)
  expect(isWaiting()).toBe(true)
  whileWaiting(() => ended.push('d'), mine)
  settleOf(mine)
  settleOf(mine)
  expect(ended).toEqual(['d', 'a'])
  expect(isWaiting()).toBe(false)
  settleOf(other)
  expect(ended).toEqual(['d', 'a', 'b'])
})
