import type { MimeBundle } from '../host.js'
import { cleanLine } from './clean.js'
import { formatCount, formatNumber } from './format.js'

/** What is used of a tensor, whichever copy of TensorFlow.js it comes from. */
export interface TensorLike {
  readonly shape: readonly number[]
  readonly dtype: string
  readonly isDisposed?: boolean
  readonly name?: string
  dataSync(): ArrayLike<number> | readonly string[]
}

export function isTensor(value: object): value is TensorLike {
  const tensor = value as Partial<TensorLike>
  return (
    typeof tensor.dataSync === 'function' && Array.isArray(tensor.shape) && typeof tensor.dtype === 'string'
  )
}

/** Values a side of a matrix that are written out. */
const edge = 4
const mostColumns = 8

/** Shape, dtype, mean, standard deviation, range, and the first values. */
export function tensorText(tensor: TensorLike): string {
  const shape = tensor.shape.length ? `[${tensor.shape.join(', ')}]` : 'scalar'
  const isVariable = 'trainable' in tensor
  const head = `${isVariable ? 'Variable' : 'Tensor'} ${tensor.dtype} ${shape}`
  if (tensor.isDisposed) return `${head}  (disposed)`
  const values = tensor.dataSync()
  if (values.length === 0) return `${head}  (empty)`
  if (tensor.dtype === 'string')
    return `${head}\n${Array.from(values as readonly string[])
      .slice(0, 8)
      .map((value) => `'${cleanLine(value, 60)}'`)
      .join(', ')}${values.length > 8 ? ', …' : ''}`
  const numbers = values as ArrayLike<number>
  if (tensor.shape.length === 0) return `${head}  ${formatNumber(numbers[0]!, 7)}`
  return `${head}  ${summary(numbers)}\n${grid(numbers, tensor.shape)}`
}

function summary(values: ArrayLike<number>): string {
  let low = Infinity
  let high = -Infinity
  let sum = 0
  let odd = 0
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]!)
    if (!Number.isFinite(value)) {
      odd++
      continue
    }
    sum += value
    if (value < low) low = value
    if (value > high) high = value
  }
  const count = values.length - odd
  if (count === 0) return `${formatCount(odd)} values, none finite`
  const mean = sum / count
  let squares = 0
  for (let i = 0; i < values.length; i++)
    if (Number.isFinite(Number(values[i]))) squares += (Number(values[i]) - mean) ** 2
  const parts = [
    `mean ${formatNumber(mean)}`,
    `sd ${formatNumber(Math.sqrt(squares / count))}`,
    `min ${formatNumber(low)}`,
    `max ${formatNumber(high)}`,
  ]
  if (odd) parts.push(`${formatCount(odd)} not finite`)
  return parts.join(', ')
}

/** The first matrix, its corners where it is large. */
function grid(values: ArrayLike<number>, shape: readonly number[]): string {
  const columns = shape.at(-1)!
  const rows = shape.length > 1 ? shape.at(-2)! : 1
  const columnPlaces = places(columns, mostColumns)
  const text = places(rows, 2 * edge).map((row) =>
    row < 0
      ? ['…']
      : columnPlaces.map((column) =>
          column < 0 ? '…' : formatNumber(Number(values[row * columns + column]!)),
        ),
  )
  const wide = Math.max(...text.map((row) => Math.max(...row.map((cell) => cell.length))))
  const lines = text.map(
    (row) =>
      `[${row.map((cell) => (cell === '…' ? cell : cell.padStart(row.length > 1 ? wide : 1))).join('  ')}]`,
  )
  const matrices = shape.slice(0, -2).reduce((product, axis) => product * axis, 1)
  if (matrices > 1) lines.push(`(the first of ${formatCount(matrices)})`)
  return lines.join('\n')
}

/** Indices to write out; -1 stands for those left out. */
function places(length: number, most: number): number[] {
  if (length <= most) return Array.from({ length }, (_, i) => i)
  const half = Math.floor(most / 2)
  return [
    ...Array.from({ length: most - half }, (_, i) => i),
    -1,
    ...Array.from({ length: half }, (_, i) => length - half + i),
  ]
}

export const tensorBundle = (tensor: TensorLike): MimeBundle => ({ 'text/plain': tensorText(tensor) })
