/** `gradbook kernel FILE`: the kernel, for a kernelspec written by hand. */
import { existsSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { InputError, describe } from '../../src/errors.js'
import { kernelProgram } from './own-files.js'

/** Becomes the kernel: this very process, so that signals and the end of whoever started it reach the kernel itself. */
export async function kernel(connectionFile: string): Promise<never> {
  if (!existsSync(connectionFile))
    throw new InputError({
      where: 'gradbook kernel',
      received: `${describe(connectionFile)}, which is not there`,
      expected: 'a connection file that Jupyter wrote',
    })
  process.argv.splice(1, process.argv.length, kernelProgram, connectionFile)
  await import(pathToFileURL(kernelProgram).href)
  return new Promise(() => {})
}
