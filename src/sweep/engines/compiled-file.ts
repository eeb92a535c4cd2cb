import { fileURLToPath } from 'node:url'

/** A program of this folder that runs in a process of its own: JavaScript, so of the sources (as they are tested) the one in dist/. */
export function compiledFile(name: string): string {
  const path = fileURLToPath(new URL(name, import.meta.url))
  const [, root, below] = /^(.*?)([\\/](?:dist[\\/])?src[\\/]sweep[\\/]engines[\\/][^\\/]+)$/.exec(path)!
  return /^[\\/]dist/.test(below!) ? path : `${root}${below!.slice(0, 1)}dist${below}`
}
