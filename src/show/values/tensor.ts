import type { MimeBundle } from '../../host.js'
import { isInstance, messageOf } from '../../untrusted.js'
import { cleanLine } from '../clean.js'
import { formatCount, formatNumber } from '../format.js'

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

function headOf(tensor: TensorLike): string {
  const { shape, dtype } = tensor
  const name = 'trainable' in tensor ? 'Variable' : 'Tensor'
  return `${name} ${dtype} ${shape.length ? `[${shape.join(', ')}]` : 'scalar'}`
}

/** The values, or why there are none: it was disposed of, or it stands in a step that is being recorded. */
function valuesOf(tensor: TensorLike): ArrayLike<number> | readonly string[] | string {
  if (tensor.isDisposed) return '(disposed)'
  try {
    return tensor.dataSync()
  } catch (error) {
    return isInstance(error, Error) && error.name === 'Untraceable'
      ? '(no values while the step is recorded)'
      : `(no values: ${cleanLine(messageOf(error), 200)})`
  }
}

/** How the value at an index is written, by dtype; those of a complex tensor are pairs. */
function writerOf(
  { dtype }: TensorLike,
  values: ArrayLike<number>,
  format: (value: number) => string,
): (index: number) => string {
  if (dtype === 'bool') return (index) => (values[index] ? 'true' : 'false')
  if (dtype !== 'complex64') return (index) => format(Number(values[index]))
  return (index) => {
    const imaginary = values[2 * index + 1]!
    return `${format(values[2 * index]!)}${imaginary < 0 ? '−' : '+'}${format(Math.abs(imaginary))}i`
  }
}

/** Shape, dtype, mean, standard deviation, range, and the first values. */
export function tensorText(tensor: TensorLike): string {
  const head = headOf(tensor)
  const values = valuesOf(tensor)
  if (typeof values === 'string') return `${head}  ${values}`
  if (values.length === 0) return `${head}  (empty)`
  if (tensor.dtype === 'string')
    return `${head}\n${Array.from(values as readonly string[])
      .slice(0, 8)
      .map((value) => `'${cleanLine(value, 60)}'`)
      .join(', ')}${values.length > 8 ? ', …' : ''}`
  const numbers = values as ArrayLike<number>
  const digits = tensor.shape.length === 0 ? 7 : 4
  const write = writerOf(tensor, numbers, (value) => formatNumber(value, digits))
  if (tensor.shape.length === 0) return `${head}  ${write(0)}`
  const about = summaryOf[tensor.dtype] ?? summary
  return `${[head, about(numbers)].filter((part) => part !== '').join('  ')}\n${grid(write, tensor.shape)}`
}

const inLine = 6

/** The same in a line, for a tensor inside of other values: `Tensor float32 [2, 2]: 1, 2, 3, 4`. */
export function tensorLine(tensor: TensorLike): string {
  const head = headOf(tensor)
  const values = valuesOf(tensor)
  if (typeof values === 'string') return `${head} ${values}`
  const size = tensor.shape.reduce((product, axis) => product * axis, 1)
  const write =
    tensor.dtype === 'string'
      ? (index: number) => `'${cleanLine((values as readonly string[])[index], 30)}'`
      : writerOf(tensor, values as ArrayLike<number>, (value) => String(Number(value.toPrecision(4))))
  const first = Array.from({ length: Math.min(size, inLine) }, (_, index) => write(index))
  return first.length === 0 ? `${head} (empty)` : `${head}: ${first.join(', ')}${size > inLine ? ', …' : ''}`
}

/** What stands for mean and range where numbers are not just numbers. */
const summaryOf: { readonly [dtype: string]: (values: ArrayLike<number>) => string } = {
  complex64: () => '',
  bool: (values) =>
    `${formatCount(Array.from(values).filter(Boolean).length)} of ${formatCount(values.length)} true`,
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
function grid(write: (index: number) => string, shape: readonly number[]): string {
  const columns = shape.at(-1)!
  const rows = shape.length > 1 ? shape.at(-2)! : 1
  const columnPlaces = places(columns, mostColumns)
  const text = places(rows, 2 * edge).map((row) =>
    row < 0 ? ['…'] : columnPlaces.map((column) => (column < 0 ? '…' : write(row * columns + column))),
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
