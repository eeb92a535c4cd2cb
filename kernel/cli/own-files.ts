/** Where this package's own files lie, whether it runs compiled from dist/ or, in tests, from its sources. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

function findPackageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const manifest = join(folder, 'package.json')
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'gradbook') return folder
    const parent = dirname(folder)
    if (parent === folder) throw new Error(`gradbook's package.json was not found above ${import.meta.url}`)
    folder = parent
  }
}

/** The folder of the installed package, or of the clone. */
export const packageFolder: string = findPackageFolder()

/** The program that a kernelspec starts, with the connection file as its argument. */
export const kernelProgram: string = join(packageFolder, 'dist', 'kernel', 'main.cjs')

/**
 * Flags for node when it runs the kernel: Stop ends a cell's JavaScript in the middle of its async hooks, and the
 * checks of those would then end the process.
 */
export const kernelFlags: readonly string[] = ['--no-force-async-hooks-checks']

/** The command that starts a kernel on a connection file. */
export function kernelCommand(connectionFile: string): string[] {
  return [process.execPath, ...kernelFlags, kernelProgram, connectionFile]
}

export function packageVersion(): string {
  return JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')).version
}
