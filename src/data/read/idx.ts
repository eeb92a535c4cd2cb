import { InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import type { Dataset } from '../dataset.js'
import { oneSplit, type SourceOptions } from '../from.js'
import { asClasses } from '../table/classes.js'
import { emptyColumn, numberColumn, type Column } from '../table/column.js'

/** The element types of the format, by the third byte of a file. */
const types: { readonly [code: number]: { size: number; read: (view: DataView, at: number) => number } } = {
  0x08: { size: 1, read: (view, at) => view.getUint8(at) },
  0x09: { size: 1, read: (view, at) => view.getInt8(at) },
  0x0b: { size: 2, read: (view, at) => view.getInt16(at) },
  0x0c: { size: 4, read: (view, at) => view.getInt32(at) },
  0x0d: { size: 4, read: (view, at) => view.getFloat32(at) },
  0x0e: { size: 8, read: (view, at) => view.getFloat64(at) },
}

/**
 * Images and labels in the format of the MNIST files (IDX, packed by gzip or not): bytes become float32 in
 * 0..1 of shape [height, width, 1], labels int32.
 *
 * Source: http://yann.lecun.com/exdb/mnist, "The IDX file format".
 *
 * @example const set = await readIdx('train-images-idx3-ubyte.gz', 'train-labels-idx1-ubyte.gz')
 */
export async function readIdx(
  images: string,
  labels?: string,
  options: Omit<SourceOptions, 'picture'> = {},
): Promise<Dataset> {
  const known = ['name', 'split', 'ids', 'classes']
  const { name = 'images', classes } = named(options, known, 'readIdx(images, labels, options)')
  const pixels = await readArray(images)
  const [count, ...shape] = pixels.shape
  const picture = shape.length === 2 ? ([shape[0]!, shape[1]!, 1] as const) : undefined
  const isBytes = pixels.code === 0x08
  const values = isBytes ? pixels.bytes : Float32Array.from(pixels.values())
  const x = numberColumn(
    values,
    { shape: picture ? [...picture] : shape, dtype: 'float32' },
    isBytes ? 1 / 255 : 1,
  )
  let y: Column = emptyColumn(count!)
  if (labels !== undefined) {
    const given = await readArray(labels)
    if (given.shape.length !== 1 || given.shape[0] !== count)
      throw new InputError({
        where: labels,
        received: `labels of shape [${given.shape.join(', ')}]`,
        expected: `[${count}], one for each image`,
      })
    y = numberColumn(Int32Array.from(given.values()), { shape: [], dtype: 'int32' })
  }
  const { column, classes: found } = asClasses(y, classes, name)
  return oneSplit(
    { name, x, y: column, ids: options.ids, classes: found, ...(picture && { picture }) },
    options,
  )
}

async function readArray(path: string) {
  const { readFile } = await import('node:fs/promises')
  const { gunzipSync } = await import('node:zlib')
  const file: Uint8Array = await readFile(path)
    .then((bytes) => (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes))
    .catch((error: unknown) => {
      throw new InputError(
        { where: path, received: (error as Error).message, expected: 'an IDX file' },
        { cause: error },
      )
    })
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const type = file.length >= 4 && view.getUint16(0) === 0 ? types[file[2]!] : undefined
  const axes = file[3] ?? 0
  if (!type || axes === 0 || file.length < 4 + axes * 4)
    throw new InputError({
      where: path,
      received: `a file that begins with ${[...file.subarray(0, 4)].join(' ')}`,
      expected: 'an IDX file: 0 0, a type, the number of axes',
    })
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + axis * 4))
  const count = shape.reduce((product, axis) => product * axis, 1)
  const from = 4 + axes * 4
  if (file.length !== from + count * type.size)
    throw new InputError({
      where: path,
      received: `${file.length - from} bytes of data`,
      expected: `${count * type.size} for shape [${shape.join(', ')}]`,
    })
  return {
    shape,
    code: file[2]!,
    bytes: file.subarray(from),
    *values() {
      for (let i = 0; i < count; i++) yield type.read(view, from + i * type.size)
    },
  }
}
