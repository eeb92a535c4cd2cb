/** Pictures of a text: attached to its cell, or a file beside the notebook. Both end up inside the page. */
import { readFileSync, statSync } from 'node:fs'
import { extname, resolve } from 'node:path'

const mimes: { [extension: string]: string } = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.avif': 'image/avif',
  '.svg': 'image/svg+xml',
}

/** Bytes above which a picture is left out: a page is sent whole. */
const mostBytes = 16 * 1024 * 1024

export interface PictureSource {
  /** Of the cell, by name. */
  attachments: Record<string, any> | undefined
  /** Where files beside the notebook are looked for; none are without it. */
  folder: string | undefined
}

/** The address of a picture as the page may load it, or the reason why it cannot be shown. */
export type Found = { address: string } | { missing: string }

function decode(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

function findAttachment(name: string, attachments: PictureSource['attachments']): Found {
  const [mime, data] =
    Object.entries<unknown>(attachments?.[decode(name)] ?? attachments?.[name] ?? {})[0] ?? []
  if (!mime || !/^image\/[\w.+-]+$/.test(mime)) return { missing: 'the cell has no such attachment' }
  const text = Array.isArray(data) ? data.join('') : String(data)
  const base64 = text.trimStart().startsWith('<')
    ? Buffer.from(text).toString('base64')
    : text.replace(/[^A-Za-z0-9+/=]/g, '')
  return { address: `data:${mime};base64,${base64}` }
}

function readPicture(path: string, folder: string): Found {
  const file = resolve(folder, decode(path.replace(/[?#].*$/, '')))
  const mime = mimes[extname(file).toLowerCase()]
  if (!mime) return { missing: `only ${Object.keys(mimes).join(', ')} are put into a page` }
  const found = statSync(file, { throwIfNoEntry: false })
  if (!found?.isFile()) return { missing: 'there is no such file' }
  if (found.size > mostBytes)
    return { missing: `it has ${Math.round(found.size / 1e6)} MB, a page takes ${mostBytes / 1024 / 1024}` }
  return { address: `data:${mime};base64,${readFileSync(file).toString('base64')}` }
}

export function findPicture(address: string, { attachments, folder }: PictureSource): Found {
  if (address.startsWith('attachment:'))
    return findAttachment(address.slice('attachment:'.length), attachments)
  if (/^data:image\//i.test(address)) return { address }
  if (/^([a-z][a-z\d+.-]*:|\/|\\)/i.test(address))
    return { missing: 'a page asks nothing of any server: save the picture beside the notebook' }
  if (folder === undefined) return { missing: 'where the notebook lies is not known' }
  return readPicture(address, folder)
}
