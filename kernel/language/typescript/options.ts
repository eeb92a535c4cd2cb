/** The options that cells are checked with: ours, and those of the notebook's tsconfig.json that mean something in a cell. */
import type { StandIn } from '../../port.js'
import { emitOf, jsxOf } from '../../resolve/tsconfig-emit.js'
import { followed, type Tsconfig } from '../../resolve/tsconfig.js'
import { defaultOptions, requiredOptions } from './world.js'

/** Of a tsconfig.json, what TypeScript takes as it stands. */
const asWritten = [...followed, 'jsxFactory', 'jsxFragmentFactory', 'jsxImportSource', 'paths'] as const

const isTexts = (value: unknown): value is string[] => Array.isArray(value)

/**
 * What makes no sense in a notebook is left out, as where a build puts its files (`outDir`, `rootDir`), what it makes of them
 * (`module`, `target`, `isolatedModules`), what its runtime has (`lib`) or that nothing may be unused (`noUnusedLocals`): the
 * kernel compiles cells itself, for the Node that runs them.
 *
 * @param typeRoots folders of types, Node's own among them, which `types: []` does not take away
 * @param packages folders of packages, whose types `types` may name: `vite/client`
 */
export function optionsFor(
  own: Tsconfig | undefined,
  typeRoots: readonly string[],
  packages: readonly string[],
  as: StandIn | undefined,
): { [name: string]: unknown } {
  const said = own?.options ?? {}
  const options: { [name: string]: unknown } = {
    ...defaultOptions,
    strict: as === undefined,
    jsx: jsxOf(said) ?? defaultOptions.jsx,
    checkJs: as === 'jslab',
    typeRoots: [
      ...typeRoots,
      ...(isTexts(said.typeRoots) ? said.typeRoots : []),
      ...(isTexts(said.types) && said.types.length > 0 ? packages : []),
    ],
    types: [...new Set(['node', ...(isTexts(said.types) ? said.types : [])])],
  }
  for (const name of asWritten) if (said[name] !== undefined) options[name] = said[name]
  // Its default follows the target, which is not taken over.
  options.useDefineForClassFields = emitOf(own).useDefineForClassFields
  // They are refused where what they need is not there.
  if (options.experimentalDecorators !== true) options.emitDecoratorMetadata = undefined
  if (String(options.jsx).startsWith('react-jsx')) options.jsxFactory = options.jsxFragmentFactory = undefined
  else options.jsxImportSource = undefined
  return {
    ...options,
    ...requiredOptions,
    // With it objects in JavaScript take no new properties; without `strict` what it is there for does without.
    noImplicitAny: as === undefined,
  }
}
