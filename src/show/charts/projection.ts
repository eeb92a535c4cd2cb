import { describe, InputError } from '../../errors.js'

/** Points of many dimensions in two. */

/** Rows of equal length. */
export type Rows = readonly ArrayLike<number>[]

/**
 * The two directions in which the rows spread most (principal components), by power iteration on the covariance, which
 * is never formed: 50 multiplications by the data suffice for a picture.
 *
 * @example const { points, explained } = pca(rows)
 */
export function pca(rows: Rows): { points: [number, number][]; explained: [number, number] } {
  const size = rows[0]?.length ?? 0
  const mean = new Float64Array(size)
  for (const row of rows) for (let i = 0; i < size; i++) mean[i]! += row[i]! / rows.length
  const centred = rows.map((row) => Float64Array.from({ length: size }, (_, i) => row[i]! - mean[i]!))
  const total = centred.reduce((sum, row) => sum + dot(row, row), 0)
  const axes: Float64Array[] = []
  const explained: number[] = []
  for (const component of [0, 1]) {
    // A start that no data lies across by chance, and that is the same every time.
    let axis = Float64Array.from({ length: size }, (_, i) => Math.sin((i + 1) * (component + 1) * 12.9898))
    let spread = 0
    for (let round = 0; round < 50; round++) {
      const next = new Float64Array(size)
      for (const row of centred) {
        const along = dot(row, axis)
        for (let i = 0; i < size; i++) next[i]! += along * row[i]!
      }
      for (const other of axes) subtract(next, other, dot(next, other))
      spread = Math.sqrt(dot(next, next))
      if (spread === 0) break
      axis = next.map((value) => value / spread)
    }
    axes.push(axis)
    explained.push(total > 0 ? spread / total : 0)
  }
  return {
    points: centred.map((row) => [dot(row, axes[0]!), dot(row, axes[1]!)]),
    explained: [explained[0]!, explained[1]!],
  }
}

/**
 * UMAP (McInnes, Healy and Melville, 2018), which keeps neighbours together; from the package `umap-js`, seeded.
 *
 * @example const points = await umap(rows, { neighbours: 2 })
 */
export async function umap(
  rows: Rows,
  options: { neighbours?: number; minDistance?: number; seed?: number } = {},
): Promise<[number, number][]> {
  const { UMAP } = (await import('umap-js')).default ?? (await import('umap-js'))
  const { seed = 1, neighbours = 15, minDistance = 0.1 } = options
  if (!Number.isSafeInteger(seed))
    throw new InputError({
      where: 'umap(rows, { seed })',
      received: describe(seed),
      expected: 'a whole number',
    })
  let state = (seed | 0) ^ Math.floor(seed / 2 ** 32) ^ (seed < 0 ? -1 : 0) ^ 0x9e3779b9
  // Mulberry32 (Tommy Ettinger): 32 bits of state are enough for a picture.
  const random = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const map = new UMAP({
    nComponents: 2,
    nNeighbors: Math.max(2, Math.min(neighbours, rows.length - 1)),
    minDist: minDistance,
    random,
  })
  return (await map.fitAsync(rows.map((row) => Array.from(row)))) as [number, number][]
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function subtract(from: Float64Array, axis: Float64Array, times: number): void {
  for (let i = 0; i < from.length; i++) from[i]! -= axis[i]! * times
}
