import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The major version of Node that a package of its types is for; 0 for none, and for one that TypeScript cannot read any more. */
function majorOf(types: string): number {
  try {
    // Since there is this file `Buffer` is the `Uint8Array` that TypeScript has had since 5.7.
    if (!existsSync(join(types, 'buffer.buffer.d.ts'))) return 0
    return Number.parseInt(JSON.parse(readFileSync(join(types, 'package.json'), 'utf8')).version, 10) || 0
  } catch {
    return 0
  }
}

const running = Number.parseInt(process.versions.node, 10)

/**
 * The types of the Node that runs: those that the kernel brings, unless only the notebook has some of its version. Older ones
 * lie beside many notebooks for something else; with them `Buffer` is no `Uint8Array`.
 *
 * @param installed the `@types/node` of the notebook's folder and those above, the nearest first
 */
export function chooseNodeTypes(installed: readonly string[], brought: string): string {
  if (majorOf(brought) === running) return brought
  return installed.find((types) => majorOf(types) === running) ?? brought
}
