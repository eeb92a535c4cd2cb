import { describe, InputError, MissingPackage } from '../../errors.js'
import { named } from '../../suggest.js'
import { numberColumn } from '../column.js'
import type { Dataset } from '../dataset.js'
import { oneSplit, type SourceOptions } from '../from.js'

const endings = /\.(jpe?g|png|webp|gif|avif|tiff?|svg)$/i

/**
 * Images in folders, one folder a class: `cats/1.jpg`, `dogs/7.png`. They are scaled and cut to `size`; x is float32 in
 * 0..1 of shape [height, width, channels]. Needs the package `sharp`.
 *
 * @example const set = await readImages('animals', { size: [64, 64], channels: 3 })
 */
export async function readImages(
  folder: string,
  options: Omit<SourceOptions, 'picture' | 'classes'> & { size: readonly [number, number]; channels?: 1 | 3 },
): Promise<Dataset> {
  const known = ['size', 'channels', 'name', 'split', 'ids']
  const { size, channels = 3, name = 'images' } = named(options, known, 'readImages(folder, options)')
  const [height, width] = checkSize(size)
  const { readdir } = await import('node:fs/promises')
  const { join } = await import('node:path')
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new InputError(
      { where: folder, received: (error as Error).message, expected: 'a folder with one folder a class' },
      { cause: error },
    )
  })
  const classes = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted()
  const files: { path: string; label: number }[] = []
  for (const [label, name] of classes.entries())
    for (const file of (await readdir(join(folder, name))).toSorted())
      if (endings.test(file)) files.push({ path: join(folder, name, file), label })
  if (files.length === 0)
    throw new InputError({
      where: folder,
      received: 'no images in its folders',
      expected: 'a folder for each class, with .jpg or .png files in it',
    })
  const sharp = await loadSharp()
  const values = new Uint8Array(files.length * height * width * channels)
  for (const [i, { path }] of files.entries()) {
    let image = sharp(path).rotate().resize(width, height, { fit: 'cover' }).flatten({ background: '#fff' })
    image = channels === 1 ? image.greyscale() : image.toColourspace('srgb')
    const { data, info } = await image
      .raw()
      .toBuffer({ resolveWithObject: true })
      .catch((error: unknown) => {
        throw new InputError(
          { where: path, received: (error as Error).message, expected: 'an image that can be read' },
          { cause: error },
        )
      })
    const pixels = info.width * info.height
    for (let p = 0; p < pixels; p++)
      for (let c = 0; c < channels; c++)
        values[(i * pixels + p) * channels + c] = data[p * info.channels + Math.min(c, info.channels - 1)]!
  }
  return oneSplit(
    {
      name,
      x: numberColumn(values, { shape: [height, width, channels], dtype: 'float32' }, 1 / 255),
      y: numberColumn(
        Int32Array.from(files, (file) => file.label),
        { shape: [], dtype: 'int32' },
      ),
      ids: options.ids,
      classes,
      picture: [height, width, channels],
    },
    options,
  )
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
