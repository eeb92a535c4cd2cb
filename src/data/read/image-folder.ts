import { InputError } from '../../errors.js'
import { say } from '../../say.js'
import { quote } from '../code.js'

/** A picture and the number of its class. */
export interface Picture {
  path: string
  label: number
}

const pictures = /\.(jpe?g|jpe|jfif|png|webp|gif|avif|tiff?|svg)$/i
/** Pictures all the same, which what reads them does not know. */
const unknown = /\.(bmp|dib|p[bgpn]m|heic|heif|jp2|jxl|psd|ico|tga|exr|hdr|dng|cr2|nef|arw)$/i
/** What systems and programs leave beside people's files; so is everything that begins with a dot. */
const leftBehind =
  /^(__MACOSX|__pycache__|@eaDir|lost\+found|System Volume Information|\$RECYCLE\.BIN|Thumbs\.db|ehthumbs\.db|desktop\.ini|Icon\r)$/i

const isHidden = (name: string) => name.startsWith('.') || leftBehind.test(name)

/** What is not taken, by the reason, for one line at the end. */
type Passed = Map<string, string[]>

/**
 * The pictures of a folder as torchvision's ImageFolder finds them: a folder a class, by the alphabet, with all that lies
 * deeper, links followed. What systems leave behind is no class and no picture. What is passed over is said.
 */
export async function findPictures(
  folder: string,
  { allowEmpty = false }: { allowEmpty?: boolean } = {},
): Promise<{ classes: string[]; files: Picture[] }> {
  const { join, basename } = await import('node:path')
  const passed: Passed = new Map()
  const { folders: classes, files: loose, real } = await entriesOf(folder, '', [], passed)
  if (loose.length > 0) note(passed, 'file/files beside the folders', loose)
  const files: Picture[] = []
  const refused: string[] = []
  const empty: string[] = []
  for (const [label, name] of classes.entries()) {
    const found = await everythingIn(join(folder, name), name, [real], passed)
    const taken = found.filter((file) => pictures.test(file))
    const other = found.filter((file) => !pictures.test(file))
    refused.push(...other.filter((file) => unknown.test(file)))
    note(
      passed,
      'file/files not named as a picture',
      other.filter((file) => !unknown.test(file)),
    )
    if (taken.length === 0) empty.push(name)
    for (const file of taken) files.push({ path: join(folder, file), label })
  }
  if (refused.length > 0)
    throw new InputError({
      where: folder,
      received: `${refused.length} ${refused.length === 1 ? 'picture' : 'pictures'} of a kind that cannot be read: ${some(refused)}`,
      expected: 'JPEG, PNG, WebP, GIF, AVIF, TIFF or SVG',
      fix: 'Save them as PNG, or take them out of the folder.',
    })
  if (files.length === 0)
    throw new InputError({
      where: folder,
      received: `no images in its folders${loose.some((file) => pictures.test(file)) ? `; ${loose.length} files lie beside them` : ''}`,
      expected: 'a folder for each class, with .jpg or .png files in it',
    })
  if (empty.length > 0 && !allowEmpty)
    throw new InputError({
      where: folder,
      received: `${empty.length === 1 ? 'a class' : `${empty.length} classes`} without a picture: ${some(empty)}`,
      expected: 'at least one in each',
      fix: `Take ${empty.length === 1 ? 'the folder' : 'the folders'} out, or keep the ${empty.length === 1 ? 'class' : 'classes'}: { allowEmpty: true }.`,
    })
  if (passed.size > 0)
    say(
      `${basename(folder) || folder}: ${files.length} pictures of ${classes.length} classes. Passed over: ${[
        ...passed,
      ]
        .map(([why, names]) => `${names.length} ${counted(why, names.length)} (${some(names)})`)
        .join(', ')}.`,
    )
  return { classes, files }
}

const some = (names: readonly string[]): string =>
  names.slice(0, 5).map(quote).join(', ') + (names.length > 5 ? `, and ${names.length - 5} more` : '')

/** 'file/files beside': one file beside, two files beside. */
const counted = (what: string, count: number): string =>
  what.replace(/(\w+)\/(\w+)/g, (_, one: string, several: string) => (count === 1 ? one : several))

function note(passed: Passed, why: string, names: readonly string[]): void {
  if (names.length > 0) passed.set(why, [...(passed.get(why) ?? []), ...names])
}

/** All files at any depth, by folder and then by name, as paths from the root. */
async function everythingIn(
  path: string,
  name: string,
  above: readonly string[],
  passed: Passed,
): Promise<string[]> {
  const { join } = await import('node:path')
  const found: { folder: string; files: string[] }[] = []
  const visit = async (at: string, from: string, over: readonly string[]): Promise<void> => {
    const { folders, files, real } = await entriesOf(at, from, over, passed)
    found.push({ folder: from, files })
    for (const folder of folders) await visit(join(at, folder), `${from}/${folder}`, [...over, real])
  }
  await visit(path, name, above)
  return found
    .toSorted((a, b) => (a.folder < b.folder ? -1 : 1))
    .flatMap(({ folder, files }) => files.map((file) => `${folder}/${file}`))
}

/** What a folder has, links followed but where they lead around in a circle. @param above real paths of the folders it lies in. */
async function entriesOf(
  path: string,
  from: string,
  above: readonly string[],
  passed: Passed,
): Promise<{ folders: string[]; files: string[]; real: string }> {
  const [{ readdir, realpath, stat }, { join, sep }] = await Promise.all([
    import('node:fs/promises'),
    import('node:path'),
  ])
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    throw new InputError(
      { where: path, received: (error as Error).message, expected: 'a folder with one folder a class' },
      { cause: error },
    )
  })
  const real = await realpath(path)
  const folders: string[] = []
  const files: string[] = []
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const { name } = entry
    const shown = from === '' ? name : `${from}/${name}`
    let found: Pick<typeof entry, 'isDirectory' | 'isFile'> = entry
    if (entry.isSymbolicLink()) {
      const target = await stat(join(path, name)).catch(() => undefined)
      if (!target) {
        note(passed, 'link/links leading nowhere', [shown])
        continue
      }
      found = target
    }
    if (isHidden(name))
      note(passed, found.isDirectory() ? 'hidden folder/folders' : 'hidden file/files', [shown])
    else if (found.isDirectory()) {
      const own = entry.isSymbolicLink() ? await realpath(join(path, name)) : undefined
      if (own !== undefined && [...above, real].some((one) => `${one}${sep}`.startsWith(`${own}${sep}`)))
        note(passed, 'link/links to a folder above', [shown])
      else folders.push(name)
    } else if (found.isFile()) files.push(name)
    else note(passed, 'entry/entries neither file nor folder', [shown])
  }
  return { folders, files, real }
}
