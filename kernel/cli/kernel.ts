/** `gradbook kernel FILE`: the kernel with the flags it needs, for a kernelspec written by hand. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { InputError, describe } from '../../src/errors.js'
import { kernelCommand } from './places.js'

export async function kernel(connectionFile: string): Promise<number> {
  if (!existsSync(connectionFile))
    throw new InputError({
      where: 'gradbook kernel',
      received: `${describe(connectionFile)}, which is not there`,
      expected: 'a connection file that Jupyter wrote',
    })
  const [program, ...args] = kernelCommand(connectionFile) as [string, ...string[]]
  const child = spawn(program, args, { stdio: 'inherit' })
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal)
  process.on('SIGINT', forward)
  process.on('SIGTERM', forward)
  return new Promise((done, fail) => {
    child.once('error', fail)
    child.once('exit', (code) => done(code ?? 1))
  })
}
