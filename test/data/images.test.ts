import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readImages } from '../../src/data/index.js'
import { setHost, type Host } from '../../src/host.js'
import { temporaryFolder } from '../kit/files.js'

let root = ''
let said: string[] = []
let count = 0
beforeAll(() => {
  root = temporaryFolder()
  setHost({ display: (bundle: any) => void said.push(bundle['text/plain']) } as unknown as Host)
})
beforeEach(() => {
  said = []
})

const png = async (background: string) =>
  sharp({ create: { width: 4, height: 4, channels: 3, background } })
    .png()
    .toBuffer()

/** A folder with these files: a colour for a picture, else what is written into it. */
async function folderOf(files: { [path: string]: string | Uint8Array }): Promise<string> {
  const folder = join(root, `${count++}`)
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    const isColour = content === 'red' || content === 'blue'
    writeFileSync(join(folder, path), isColour ? await png(content as string) : content)
  }
  return folder
}
const read = (folder: string, options = {}) => readImages(folder, { size: [2, 2], ...options })
const labels = (data: Awaited<ReturnType<typeof read>>) =>
  Array.from({ length: data.length }, (_, i) => data.valuesAt(i).y[0])

describe('a folder of images', () => {
  it('is read without what systems and programs leave in it, and says what was passed over', async () => {
    const folder = await folderOf({
      'cat/1.png': 'red',
      'cat/._1.png': 'no picture',
      'cat/.DS_Store': '',
      'cat/Thumbs.db': '',
      'cat/notes.txt': 'a cat',
      'dog/1.PNG': 'blue',
      'dog/desktop.ini': '',
      'dog/.ipynb_checkpoints/1-checkpoint.png': 'blue',
      '.ipynb_checkpoints/1.png': 'red',
      '__MACOSX/cat/._1.png': 'no picture',
      'loose.png': 'red',
      '.gitignore': '',
    })
    const data = await read(folder)
    expect([data.classes, labels(data)]).toEqual([
      ['cat', 'dog'],
      [0, 1],
    ])
    expect(said).toHaveLength(1)
    expect(said[0]).toMatch(/: 2 pictures of 2 classes\. Passed over: /)
    for (const part of [
      "3 hidden folders ('.ipynb_checkpoints', '__MACOSX', 'dog/.ipynb_checkpoints')",
      "5 hidden files ('.gitignore', 'cat/.DS_Store', 'cat/._1.png', 'cat/Thumbs.db', 'dog/desktop.ini')",
      "1 file beside the folders ('loose.png')",
      "1 file not named as a picture ('cat/notes.txt')",
    ])
      expect(said[0]).toContain(part)
  })

  it('follows links to folders and files, but not around in a circle', async () => {
    const elsewhere = await folderOf({ 'dogs/1.png': 'blue', 'dogs/2.png': 'blue', 'one.png': 'red' })
    const folder = await folderOf({ 'cat/1.png': 'red' })
    symlinkSync(join(elsewhere, 'dogs'), join(folder, 'dog'))
    symlinkSync(join(elsewhere, 'one.png'), join(folder, 'cat', '2.png'))
    symlinkSync(folder, join(folder, 'cat', 'self'))
    symlinkSync(root, join(folder, 'above'))
    symlinkSync('.', join(folder, 'here'))
    symlinkSync(join(folder, 'gone'), join(folder, 'broken'))
    symlinkSync(join(folder, 'gone.png'), join(folder, 'cat', '3.png'))
    const data = await read(folder)
    expect([data.classes, labels(data)]).toEqual([
      ['cat', 'dog'],
      [0, 0, 1, 1],
    ])
    expect(said[0]).toContain("3 links to a folder above ('above', 'here', 'cat/self')")
    expect(said[0]).toContain("2 links leading nowhere ('broken', 'cat/3.png')")
  })

  it('has what lies deeper, in the order of torchvision', async () => {
    // sorted(os.walk(…)) and sorted names of it, as ImageFolder does: a, a-b, a/b.
    const folder = await folderOf({
      'cat/b/2.png': 'blue',
      'cat/a/b/3.png': 'red',
      'cat/a/9.png': 'red',
      'cat/a-b/1.png': 'blue',
      'cat/z.png': 'red',
      'dog/deep/er/1.png': 'blue',
    })
    const data = await read(folder)
    const colours = Array.from({ length: data.length }, (_, i) =>
      data.valuesAt(i).x[0] === 1 ? 'red' : 'blue',
    )
    expect(colours).toEqual(['red', 'red', 'blue', 'red', 'blue', 'blue'])
    expect(labels(data)).toEqual([0, 0, 0, 0, 0, 1])
    expect(said).toEqual([])
  })

  it('with an empty class is refused with its name, unless that is meant', async () => {
    const folder = await folderOf({ 'cat/1.png': 'red', 'dog/notes.txt': '', 'eel/.1.png': 'red' })
    await expect(read(folder)).rejects.toThrow(/2 classes without a picture: 'dog', 'eel'.*allowEmpty: true/)
    const data = await read(folder, { allowEmpty: true })
    expect([data.classes, labels(data)]).toEqual([['cat', 'dog', 'eel'], [0]])
    await expect(read(await folderOf({ '1.png': 'red' }))).rejects.toThrow(/1 files lie beside them/)
  })

  it('names what cannot be read, all of it, or leaves it out and says so', async () => {
    const cut = (await png('red')).subarray(0, 60)
    const folder = await folderOf({
      'cat/1.png': 'red',
      'cat/2.png': cut,
      'cat/3.jpg': '<html>not found</html>',
      'dog/1.png': 'blue',
      'dog/4.png': '',
    })
    await expect(read(folder)).rejects.toThrow(/3 of 5 pictures.*cat.2\.png.*cat.3\.jpg.*dog.4\.png/)
    const data = await read(folder, { corrupt: 'skip', ids: [10, 11, 12, 13, 14] })
    expect([labels(data), Array.from(data.ids)]).toEqual([
      [0, 1],
      [10, 13],
    ])
    expect(said[0]).toMatch(/3 of 5 pictures cannot be read and are left out: .*2\.png/)
    expect((await read(folder, { corrupt: 'skip' })).digest()).not.toBe(data.digest())
    await expect(read(await folderOf({ 'cat/1.bmp': 'BM', 'cat/2.png': 'red' }))).rejects.toThrow(
      /1 picture of a kind that cannot be read: 'cat\/1\.bmp'/,
    )
    await expect(read(folder, { corrupt: 'ignore' })).rejects.toThrow(/'refuse' or 'skip'/)
  })
})

describe('pictures', () => {
  // 2 x 2, from 0 over 64 and 128 to 255, as Pillow 13 writes them (fixtures/make-pictures.py).
  const grey = [0, 64, 128, 255].map((value) => value / 255)
  const fixtures = join(import.meta.dirname, 'fixtures', 'pictures')
  const pixels = async (name: string, options = {}) => {
    const folder = await folderOf({ 'a/1.svg': '' })
    rmSync(join(folder, 'a', '1.svg'))
    cpSync(join(fixtures, name), join(folder, 'a', name))
    const data = await read(folder, { channels: 1, ...options })
    return Array.from(data.valuesAt(0).x as Float32Array)
  }
  const close = (found: number[], wanted: number[], by = 1 / 500) => {
    expect(found).toHaveLength(wanted.length)
    for (const [i, value] of found.entries()) expect(Math.abs(value - wanted[i]!)).toBeLessThan(by)
  }

  it.each(['float01.tif', 'float255.tif', 'i32.tif', 'u16.tif', 'u16.png', 'grey.png', 'la.png'])(
    '%s have the brightness that they have in other programs',
    async (name) => {
      // What is transparent lies on white: 64 is seen by half, 128 not at all.
      const wanted = name === 'la.png' ? [0, 159 / 255, 1, 1] : grey
      close(await pixels(name), wanted)
      close(
        await pixels(name, { channels: 3 }),
        wanted.flatMap((value) => [value, value, value]),
      )
    },
  )

  it('of 16 bits and of floats keep their digits', async () => {
    // 1000 and 1001 of 65535, and 0.5 and 0.501, which are one byte.
    close(
      await pixels('fine16.png'),
      [1000, 1001, 30000, 65535].map((value) => value / 65535),
      1e-6,
    )
    close(await pixels('fine.tif'), [0.5, 0.501, 0.25, 1], 1e-6)
  })

  it('of numbers that mean something else are refused with what they are', async () => {
    await expect(pixels('wide.tif')).rejects.toThrow(
      /1 picture of numbers from -5 to 25495. Expected numbers from 0 to 1/,
    )
    said = []
    await pixels('float255.tif')
    expect(said).toEqual([expect.stringMatching(/from 0 to 255 are taken as 0 to 255/)])
  })

  it.each(['palette.png', 'rgb.png', 'UPPER.PNG', 'pages.tif', 'moving.gif'])(
    '%s have their colours',
    async (name) => {
      const colours = [255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30].map((value) => value / 255)
      close(await pixels(name, { channels: 3 }), colours)
    },
  )

  it('are upright whichever way the camera was held, also in CMYK', async () => {
    // Orientation 6: what is stored to the left is above. Red, green / blue, dark becomes blue, red / dark, green.
    const names = (found: number[]) =>
      [0, 1, 2, 3].map((p) => {
        const [r, g, b] = found.slice(3 * p)
        return r! > 0.6 ? 'red' : b! > 0.6 ? 'blue' : g! > 0.45 ? 'green' : 'dark'
      })
    expect(names(await pixels('turned.jpg', { channels: 3 }))).toEqual(['blue', 'red', 'dark', 'green'])
    const cmyk = await pixels('cmyk.tif', { channels: 3 })
    expect([cmyk[0]! > 0.85, cmyk[1]! < 0.1, cmyk[4]! > 0.5, cmyk[3]! < 0.1]).toEqual([
      true,
      true,
      true,
      true,
    ])
  })
})
