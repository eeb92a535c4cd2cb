import type { Place } from './types.js'

/** Offsets at which the lines of a text start. */
export function findLineStarts(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

/** The line that holds an offset, counted from 0. */
export function lineOf(starts: readonly number[], offset: number): number {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (starts[middle]! <= offset) low = middle
    else high = middle - 1
  }
  return low
}

/** A range of a text with its line and column, both counted from 1. */
export function placeAt(text: string, start: number, end: number, starts = findLineStarts(text)): Place {
  const inside = Math.max(0, Math.min(start, text.length))
  const line = lineOf(starts, inside)
  return {
    line: line + 1,
    column: inside - starts[line]! + 1,
    start: inside,
    end: Math.max(inside, Math.min(end, text.length)),
  }
}
