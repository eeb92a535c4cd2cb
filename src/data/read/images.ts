import type { Sharp } from 'sharp'
import { describe, InputError, MissingPackage } from '../../errors.js'
import { say } from '../../say.js'
import { named } from '../../suggest.js'
import { quote } from '../code.js'
import { numberColumn } from '../table/column.js'
import type { Dataset } from '../dataset.js'
import { oneSplit, type SourceOptions } from '../from.js'
import { findPictures } from './image-folder.js'

export interface ImageOptions extends Omit<SourceOptions, 'picture' | 'classes'> {
  /** [height, width] to which pictures are scaled and cut. Required. `size: [64, 64]` */
  size: readonly [number, number]
  /** 3 for colours, 1 for shades of grey. Default: 3. `channels: 1` */
  channels?: 1 | 3
  /** Keeps classes whose folders have no picture. Default: false, they are refused. `allowEmpty: true` */
  allowEmpty?: boolean
  /** What to do with files that cannot be read: 'refuse' names them all, 'skip' leaves them out and says so. Default: 'refuse'. `corrupt: 'skip'` */
  corrupt?: 'refuse' | 'skip'
}

/**
 * Images in folders, one folder a class: `cats/1.jpg`, `dogs/7.png`, or deeper. They are turned upright, scaled and cut to
 * `size`; x is float32 in 0..1 of shape [height, width, channels], what is transparent white. Pictures of 16 bits keep their
 * digits; those of floating-point numbers are taken as 0..1, or as 0..255 where one goes beyond 1. Needs the package `sharp`.
 *
 * @example const set = await readImages('animals', { size: [64, 64], channels: 3 })
 */
export async function readImages(folder: string, options: ImageOptions): Promise<Dataset> {
  const known = ['size', 'channels', 'name', 'split', 'ids', 'allowEmpty', 'corrupt']
  const given = named(options, known, 'readImages(folder, options)')
  const { size, channels = 3, name = 'images', allowEmpty = false, corrupt = 'refuse' } = given
  const [height, width] = checkSize(size)
  checkChoice('channels', channels, [1, 3])
  checkChoice('allowEmpty', allowEmpty, [true, false])
  checkChoice('corrupt', corrupt, ['refuse', 'skip'])
  const { classes, files } = await findPictures(folder, { allowEmpty })
  const sharp = await loadSharp()
  const decoded = new Decoded(files.length, height * width * channels)
  const broken: { path: string; why: string }[] = []
  const labels: number[] = []
  const ids: number[] = []
  if (given.ids && given.ids.length !== files.length)
    throw new InputError({
      where: 'readImages(folder, { ids })',
      received: `${given.ids.length} ids`,
      expected: `${files.length}, one for each picture`,
    })
  for (const [i, { path, label }] of files.entries())
    try {
      decoded.add(await decode(sharp(path), { height, width, channels }))
      labels.push(label)
      ids.push(given.ids?.[i] ?? i)
    } catch (error) {
      broken.push({ path, why: (error as Error).message.trim().split('\n')[0]! })
    }
  checkBroken(broken, files.length, folder, corrupt)
  const { values, scale } = decoded.end(folder)
  return oneSplit(
    {
      name,
      x: numberColumn(values, { shape: [height, width, channels], dtype: 'float32' }, scale),
      y: numberColumn(Int32Array.from(labels), { shape: [], dtype: 'int32' }),
      ...(given.ids && { ids }),
      classes,
      picture: [height, width, channels],
    },
    options,
  )
}

/** One picture: bytes, or floats in 0..1, or where `range` is given whatever numbers the file has. */
interface Pixels {
  data: Uint8Array | Float32Array
  /** The least and the largest number in the file. */
  range?: readonly [number, number]
}

async function decode(
  image: Sharp,
  { height, width, channels }: { height: number; width: number; channels: 1 | 3 },
): Promise<Pixels> {
  const { depth = 'uchar', space } = await image.metadata()
  const placed = image.rotate().resize(width, height, { fit: 'cover' }).flatten({ background: '#fff' })
  const raw = async <Values extends ArrayLike<number>>(
    from: Sharp,
    kind: 'uchar' | 'ushort' | 'float',
    view: (data: Buffer) => Values,
    to: Uint8Array | Float32Array,
    scale = 1,
  ) => {
    const data = await from.raw({ depth: kind }).toBuffer()
    const values = view(data)
    const each = values.length / (height * width)
    for (let p = 0; p < height * width; p++)
      for (let c = 0; c < channels; c++)
        to[p * channels + c] = values[p * each + Math.min(c, each - 1)]! * scale
    return to
  }
  const count = height * width * channels
  if (depth === 'uchar')
    return {
      data: await raw(
        channels === 1 ? placed.greyscale() : placed.toColourspace('srgb'),
        'uchar',
        (data) => data,
        new Uint8Array(count),
      ),
    }
  const range = depth === 'ushort' ? ([0, 1] as const) : await rangeOf(image)
  // Colours of floats are linear light, as the file says; only their kind of picture is 0 to 1 by its definition.
  if (depth === 'ushort' || (space === 'scrgb' && range[0] >= 0 && range[1] <= 1))
    return {
      data: await raw(
        placed.toColourspace(channels === 1 ? 'grey16' : 'rgb16'),
        'ushort',
        (data) => new Uint16Array(data.buffer, data.byteOffset, data.length / 2),
        new Float32Array(count),
        1 / 65535,
      ),
    }
  return {
    data: await raw(
      space === 'scrgb' ? placed.toColourspace('scrgb') : placed,
      'float',
      (data) => {
        const values = new Float32Array(data.buffer, data.byteOffset, data.length / 4)
        return channels === 1 ? brightness(values, values.length / (height * width)) : values
      },
      new Float32Array(count),
    ),
    range,
  }
}

/** The least and the largest number in a picture. */
async function rangeOf(image: Sharp): Promise<readonly [number, number]> {
  const { channels } = await image.clone().stats()
  return [Math.min(...channels.map(({ min }) => min)), Math.max(...channels.map(({ max }) => max))]
}

/** Colours as one shade of grey, weighed as ITU-R BT.709 does. sharp's own way has 8 bits. */
function brightness(values: Float32Array, each: number): Float32Array {
  if (each < 3) return values.filter((_, i) => i % each === 0)
  return Float32Array.from(
    { length: values.length / each },
    (_, p) => 0.2126 * values[p * each]! + 0.7152 * values[p * each + 1]! + 0.0722 * values[p * each + 2]!,
  )
}

/** All pictures side by side: as bytes while they are of bytes, which take a quarter of the memory. */
class Decoded {
  readonly #size: number
  readonly #most: number
  #values: Uint8Array | Float32Array
  #count = 0
  /** Pictures whose numbers may mean anything, and what they lie between. */
  readonly #open: number[] = []
  #least = Infinity
  #largest = -Infinity

  constructor(most: number, size: number) {
    this.#most = most
    this.#size = size
    this.#values = new Uint8Array(most * size)
  }

  add({ data, range }: Pixels): void {
    const at = this.#count * this.#size
    if (data instanceof Float32Array && this.#values instanceof Uint8Array) {
      const floats = new Float32Array(this.#most * this.#size)
      for (let i = 0; i < at; i++) floats[i] = this.#values[i]! / 255
      this.#values = floats
    }
    if (data instanceof Uint8Array && this.#values instanceof Float32Array)
      for (let i = 0; i < data.length; i++) this.#values[at + i] = data[i]! / 255
    else this.#values.set(data, at)
    if (range) {
      this.#open.push(this.#count)
      this.#least = Math.min(this.#least, range[0])
      this.#largest = Math.max(this.#largest, range[1])
    }
    this.#count++
  }

  end(folder: string): { values: Uint8Array | Float32Array; scale: number } {
    const values = this.#values.subarray(0, this.#count * this.#size)
    if (values instanceof Uint8Array) return { values, scale: 1 / 255 }
    if (this.#open.length > 0) this.#scale(values, folder)
    return { values, scale: 1 }
  }

  #scale(values: Float32Array, folder: string): void {
    const count = this.#open.length
    const about = `${count} ${count === 1 ? 'picture' : 'pictures'} of numbers from ${this.#least} to ${this.#largest}`
    if (!(this.#least >= 0 && this.#largest <= 255))
      throw new InputError({
        where: folder,
        received: about,
        expected: 'numbers from 0 to 1, or to 255, in pictures that are not of 8 or 16 bits',
        fix: 'Scale them before they are saved: what they measure is not known here.',
      })
    const scale = this.#largest > 1 ? 1 / 255 : 1
    if (scale < 1) say(`${folder}: ${about} are taken as 0 to 255.`)
    // Scaling a picture down may go a little beyond what was in it.
    for (const one of this.#open)
      for (let i = one * this.#size; i < (one + 1) * this.#size; i++)
        values[i] = Math.min(1, Math.max(0, values[i]! * scale))
  }
}

function checkBroken(
  broken: readonly { path: string; why: string }[],
  count: number,
  folder: string,
  corrupt: 'refuse' | 'skip',
): void {
  if (broken.length === 0) return
  const list = broken
    .slice(0, 10)
    .map(({ path, why }) => `${quote(path)} (${why})`)
    .join(', ')
  const all = `${list}${broken.length > 10 ? `, and ${broken.length - 10} more` : ''}`
  if (corrupt === 'skip' && broken.length < count) {
    say(`${folder}: ${broken.length} of ${count} pictures cannot be read and are left out: ${all}.`)
    return
  }
  throw new InputError({
    where: folder,
    received: `${broken.length} of ${count} pictures that cannot be read: ${all}`,
    expected: 'images that can be read',
    ...(broken.length < count && { fix: "Mend or remove them, or leave them out: { corrupt: 'skip' }." }),
  })
}

function checkChoice(option: string, value: unknown, choices: readonly unknown[]): void {
  if (choices.includes(value)) return
  throw new InputError({
    where: `readImages(folder, { ${option} })`,
    received: describe(value),
    expected: choices.map((choice) => describe(choice)).join(' or '),
  })
}

function checkSize(size: unknown): readonly [number, number] {
  if (Array.isArray(size) && size.length === 2 && size.every((side) => Number.isInteger(side) && side > 0))
    return size as never
  throw new InputError({
    where: 'readImages(folder, { size })',
    received: describe(size),
    expected: '[height, width] in pixels, e.g. [32, 32]',
  })
}

async function loadSharp(): Promise<typeof import('sharp').default> {
  try {
    return (await import('sharp')).default
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_MODULE_NOT_FOUND')
      throw new MissingPackage('sharp', ["gradbook's installation"])
    throw error
  }
}
