export interface Point {
  x: number
  y: number
}

/**
 * At most `limit` points of a line, none of its spikes lost: the plot's width is cut into columns, and of each column
 * the lowest and the highest point are kept, in their order, and the very last one. Points that are not finite are left out.
 */
export function downsample(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  limit: number,
  length = x.length,
): Point[] {
  const points: Point[] = []
  if (length <= limit) {
    for (let i = 0; i < length; i++) if (Number.isFinite(y[i]!)) points.push({ x: x[i]!, y: short(y[i]!) })
    return points
  }
  const columns = Math.max(1, Math.floor(limit / 2) - 1)
  for (let column = 0; column < columns; column++) {
    const from = Math.floor((column * length) / columns)
    const to = Math.floor(((column + 1) * length) / columns)
    let [low, high] = [-1, -1]
    let [least, most] = [Infinity, -Infinity]
    for (let i = from; i < to; i++) {
      const value = y[i]!
      if (value < least && value > -Infinity) {
        least = value
        low = i
      }
      if (value > most && value < Infinity) {
        most = value
        high = i
      }
    }
    if (low < 0) continue
    const [first, second] = low < high ? [low, high] : [high, low]
    points.push({ x: x[first]!, y: short(y[first]!) })
    if (second !== first) points.push({ x: x[second]!, y: short(y[second]!) })
  }
  // A line ends where the data ends.
  const last = length - 1
  if (Number.isFinite(y[last]!) && points.at(-1)?.x !== x[last])
    points.push({ x: x[last]!, y: short(y[last]!) })
  return points
}

/**
 * The same for values that often stay as they are, a learning rate: where it bends and its ends, so a step stays a step
 * and a constant is two points; as `downsample` has it where these are more than `limit`.
 */
export function downsampleBends(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  limit: number,
  length = x.length,
): Point[] {
  const points: Point[] = []
  for (let i = 0; i < length; i++) {
    if (!Number.isFinite(y[i]!) || (i > 0 && i < length - 1 && y[i] === y[i - 1] && y[i] === y[i + 1]))
      continue
    if (points.length === limit) return downsample(x, y, limit, length)
    points.push({ x: x[i]!, y: short(y[i]!) })
  }
  return points
}

const powersOfTen = Array.from({ length: 21 }, (_, exponent) => Number(`1e${exponent}`))

/** Six digits: finer than a pixel of any plot, and half the characters of a float32 written out. */
export function short(value: number): number {
  const size = Math.abs(value)
  // Zero, what is not finite, and what a power of ten times it would not be exact for.
  if (!(size >= 1e-15 && size < 1e15)) return Number(value.toPrecision(6))
  // A live view shortens a thousand numbers: by way of a text each takes four times as long.
  const places = 5 - Math.floor(Math.log10(size))
  return places >= 0
    ? Math.round(value * powersOfTen[places]!) / powersOfTen[places]!
    : Math.round(value / powersOfTen[-places]!) * powersOfTen[-places]!
}
