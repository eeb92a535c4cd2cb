/** `paths` of the tsconfig.json: for the types and at run time alike. */
import { isBuiltin } from 'node:module'

const isRecord = (value: unknown): value is { [name: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The paths that a specifier may stand for by `paths`, as `Tsconfig` has them: `@/*` -> `/project/src/*`. */
export function mapPath(specifier: string, paths: unknown): string[] {
  if (!isRecord(paths) || isBuiltin(specifier)) return []
  let best: { before: string; middle: string; targets: string[] } | undefined
  for (const [pattern, targets] of Object.entries(paths as { [pattern: string]: string[] })) {
    const [before, after] = pattern.split('*') as [string, string?]
    // An exact one goes before all others, then that with the longest beginning.
    if (after === undefined && specifier === pattern) return targets
    const fits =
      after !== undefined &&
      specifier.startsWith(before) &&
      specifier.endsWith(after) &&
      specifier.length >= before.length + after.length
    if (!fits || (best && best.before.length >= before.length)) continue
    best = { before, middle: specifier.slice(before.length, specifier.length - after.length), targets }
  }
  return best ? best.targets.map((target) => target.replace('*', () => best.middle)) : []
}

/** The same for a specifier that is an alias and nothing else: `*` alone stands for packages too. */
export function aliasOf(specifier: string, paths: unknown): string[] {
  if (!isRecord(paths)) return []
  const { '*': _all, ...named } = paths
  return mapPath(specifier, named)
}
