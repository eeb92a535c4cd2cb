import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findCompiler } from '../../kernel/language/typescript/server.js'
import { temporaryFolder } from './files.js'

/**
 * An installation whose TypeScript is the real one until it is asked by `method`: then it hangs, and answers nothing any more.
 * The next process of it does so again.
 *
 * @param home the real installation
 */
export function hangingTypescript(home: string, method: string): string {
  const fake = temporaryFolder()
  const platform = `@typescript/typescript-${process.platform}-${process.arch}`
  const program = `#!${process.execPath}
const { spawn } = require('node:child_process')
const child = spawn(${JSON.stringify(findCompiler(home))}, process.argv.slice(2), { stdio: ['pipe', 'inherit', 'inherit'] })
let hangs = false
process.stdin.on('data', (chunk) => {
  if (chunk.includes(${JSON.stringify(`"method":"${method}"`)})) hangs = true
  if (!hangs) child.stdin.write(chunk)
})
process.stdin.on('end', () => child.kill('SIGKILL'))
`
  for (const [name, text] of [
    ['package.json', '{ "name": "fake" }'],
    ['node_modules/typescript/package.json', '{ "name": "typescript", "version": "7.0.2" }'],
    [`node_modules/${platform}/package.json`, `{ "name": "${platform}", "version": "7.0.2" }`],
    [`node_modules/${platform}/lib/tsc`, program],
  ] as const) {
    mkdirSync(dirname(join(fake, name)), { recursive: true })
    writeFileSync(join(fake, name), text)
  }
  chmodSync(join(fake, 'node_modules', platform, 'lib', 'tsc'), 0o755)
  return fake
}
