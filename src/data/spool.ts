import * as tf from '@tensorflow/tfjs'
import { InputError } from '../errors.js'
import { named } from '../suggest.js'
import { sizeOf, type Column } from './column.js'
import type { Dataset, FieldSpec } from './dataset.js'
import { oneSplit, recordOptions, rowsToTable, type DataRecord, type RecordOptions } from './from.js'

/** Records that are laid out at once. */
const chunk = 4096
/** Bytes of rows that are kept in memory, over all spooled data. */
const kept = 64 << 20
/** Blocks that are read at once for the next batch. */
const mostUnderWay = 1024

/**
 * A dataset of records that need not fit into memory: they are laid out once as rows of equal size in a temporary file,
 * from which batches are read. So order, shuffling, ids and resuming are as exact as for data in memory. The file goes
 * with the process.
 *
 * @param records an iterable or async iterable, e.g. `readCsv(path)` or a generator of your own.
 * @param options.y text targets need `classes` named: they cannot be known before the last record.
 */
export async function spool(
  records: AsyncIterable<DataRecord> | Iterable<DataRecord>,
  options: RecordOptions & { folder?: string } = {},
): Promise<Dataset> {
  const {
    name = 'data',
    folder,
    ...rest
  } = named(options, [...recordOptions, 'folder'], 'spool(records, options)')
  const file = await RowFile.create(folder)
  const ids: number[] = []
  let layout: Layout | undefined
  let pending: DataRecord[] = []
  const flush = () => {
    if (pending.length === 0) return
    const part = rowsToTable(pending, { name, ...rest })
    if (part.classes && !rest.classes)
      throw new InputError({
        where: `${name}.y`,
        received: `texts such as '${part.classes[0]}'`,
        expected: 'the names of all classes, since the last record is not known yet',
        fix: "E.g. { y: 'species', classes: ['setosa', 'versicolor', 'virginica'] }.",
      })
    layout ??= new Layout(part.x.spec, part.y.spec)
    layout.check(part.x.spec, part.y.spec, name)
    if (part.ids) for (let i = 0; i < pending.length; i++) ids.push(part.ids[i]!)
    file.append(layout.pack(part.x, part.y, pending.length))
    pending = []
  }
  for await (const record of records) if (pending.push(record) === chunk) flush()
  flush()
  if (!layout) throw new InputError({ where: name, received: 'no records', expected: 'at least one' })
  const { x, y } = layout.columns(file)
  return oneSplit(
    {
      name,
      x,
      y,
      ...(ids.length && { ids }),
      ...(rest.classes && { classes: rest.classes }),
      ...(rest.picture && { picture: rest.picture }),
    },
    rest,
  )
}

/** The bytes of one row: the values of x, then those of y, four bytes each. */
class Layout {
  readonly x: FieldSpec
  readonly y: FieldSpec
  constructor(x: FieldSpec, y: FieldSpec) {
    for (const spec of [x, y])
      if (spec.dtype === 'string')
        throw new InputError({
          where: 'spool(records)',
          received: 'texts',
          expected: 'numbers, which rows of equal size can hold',
          fix: 'Turn the texts into tokens first, or name the classes where they are targets: { classes: [...] }.',
        })
    this.x = x
    this.y = y
  }

  get words(): number {
    return sizeOf(this.x.shape) + sizeOf(this.y.shape)
  }

  check(x: FieldSpec, y: FieldSpec, name: string): void {
    const text = (a: FieldSpec, b: FieldSpec) => `x [${a.shape.join(', ')}], y [${b.shape.join(', ')}]`
    if (text(x, y) !== text(this.x, this.y))
      throw new InputError({
        where: name,
        received: `${text(x, y)} in a later record`,
        expected: `${text(this.x, this.y)}, as in the first`,
      })
  }

  pack(x: Column, y: Column, rows: number): Uint8Array {
    const words = this.words
    const buffer = new ArrayBuffer(rows * words * 4)
    const sides = [
      { column: x, at: 0 },
      { column: y, at: sizeOf(this.x.shape) },
    ].map(({ column, at }) => ({
      column,
      at,
      view: column.spec.dtype === 'float32' ? new Float32Array(buffer) : new Int32Array(buffer),
    }))
    for (let row = 0; row < rows; row++)
      for (const { column, at, view } of sides)
        view.set(column.read(row) as ArrayLike<number>, row * words + at)
    return new Uint8Array(buffer)
  }

  columns(file: RowFile): { x: Column; y: Column } {
    const rowBytes = this.words * 4
    const length = file.size / rowBytes
    const column = (spec: FieldSpec, at: number): Column => {
      const size = sizeOf(spec.shape)
      const Values = spec.dtype === 'float32' ? Float32Array : Int32Array
      const copy = (row: number, into: Float32Array | Int32Array, to: number) => {
        const bytes = file.read(row * rowBytes + at * 4, size * 4)
        new Uint8Array(into.buffer, into.byteOffset + to * 4, size * 4).set(bytes)
      }
      return {
        spec,
        length,
        gather(rows) {
          const values = new Values(rows.length * size)
          for (let i = 0; i < rows.length; i++) copy(rows[i]!, values, i * size)
          return tf.tensor(values, [rows.length, ...spec.shape], spec.dtype as 'float32' | 'int32')
        },
        read(row) {
          const values = new Values(size)
          copy(row, values, 0)
          return values
        },
      }
    }
    // What is read for x has the row's y beside it.
    const prefetch = (rows: ArrayLike<number>) => {
      for (let i = 0; i < rows.length; i++) file.prefetch(rows[i]! * rowBytes, rowBytes)
    }
    return { x: { ...column(this.x, 0), prefetch }, y: column(this.y, sizeOf(this.x.shape)) }
  }
}

/** A temporary file that is appended to, then read anywhere, through the blocks read last. */
class RowFile {
  // Large enough to read on within a window, small enough for rows drawn from anywhere (1 << 18: six times as long).
  static readonly #block = 1 << 14
  size = 0
  readonly #fs: typeof import('node:fs')
  readonly #handle: number
  /** Oldest first: a Map keeps the order in which its keys came. */
  readonly #blocks = new Map<number, Uint8Array>()
  /** Blocks that are being read for the next batch. */
  readonly #underWay = new Set<number>()

  private constructor(fs: typeof import('node:fs'), handle: number) {
    this.#fs = fs
    this.#handle = handle
    registry.register(this, { fs, handle })
  }

  static async create(folder?: string): Promise<RowFile> {
    const [fs, os, path] = await Promise.all([import('node:fs'), import('node:os'), import('node:path')])
    const own = fs.mkdtempSync(path.join(folder ?? os.tmpdir(), 'gradbook-'))
    const file = path.join(own, 'rows')
    const handle = fs.openSync(file, 'w+')
    // Without a name it ends with the process, however that ends. Windows keeps it until it is closed.
    try {
      fs.rmSync(own, { recursive: true })
    } catch {
      process.once('exit', () => fs.rmSync(own, { recursive: true, force: true }))
    }
    return new RowFile(fs, handle)
  }

  append(bytes: Uint8Array): void {
    this.#fs.writeSync(this.#handle, bytes, 0, bytes.length, this.size)
    this.size += bytes.length
  }

  read(at: number, length: number): Uint8Array {
    const first = Math.floor(at / RowFile.#block)
    const from = at - first * RowFile.#block
    if (from + length <= RowFile.#block) return this.#blockAt(first).subarray(from, from + length)
    const bytes = new Uint8Array(length)
    this.#fs.readSync(this.#handle, bytes, 0, length, at)
    return bytes
  }

  /**
   * Reads it beside what the main thread does. Where that leaves the event loop no turn to take the blocks in, they lie in the
   * system's memory all the same.
   */
  prefetch(at: number, length: number): void {
    const last = Math.floor((at + length - 1) / RowFile.#block)
    for (let number = Math.floor(at / RowFile.#block); number <= last; number++) {
      if (this.#blocks.has(number) || this.#underWay.has(number) || this.#underWay.size >= mostUnderWay)
        continue
      this.#underWay.add(number)
      const block = new Uint8Array(RowFile.#block)
      this.#fs.read(this.#handle, block, 0, block.length, number * RowFile.#block, (error) => {
        this.#underWay.delete(number)
        // What cannot be read is said where it is needed.
        if (!error && !this.#blocks.has(number)) this.#keep(number, block)
      })
    }
  }

  #blockAt(number: number): Uint8Array {
    let block = this.#blocks.get(number)
    if (block) this.#blocks.delete(number)
    else {
      block = new Uint8Array(RowFile.#block)
      this.#fs.readSync(this.#handle, block, 0, block.length, number * RowFile.#block)
    }
    this.#keep(number, block)
    return block
  }

  #keep(number: number, block: Uint8Array): void {
    if (this.#blocks.size * RowFile.#block >= kept) this.#blocks.delete(this.#blocks.keys().next().value!)
    this.#blocks.set(number, block)
  }
}

const registry = new FinalizationRegistry<{ fs: typeof import('node:fs'); handle: number }>(
  ({ fs, handle }) => {
    fs.closeSync(handle)
  },
)
