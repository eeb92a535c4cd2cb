import { GradbookError, MissingPackage } from '../../../src/errors.js'
import { packageOf } from '../../resolve/packages.js'

/** A value was asked of a module that has none. */
class OnlyTypes extends GradbookError {
  override name = 'OnlyTypes'
}

const known = new WeakSet<object>()

/** Whether a namespace is that of a module that has only types. */
export const hasOnlyTypes = (namespace: unknown): boolean =>
  namespace !== null && typeof namespace === 'object' && known.has(namespace)

/**
 * What an import of a module that has only types is at run time: nothing, as TypeScript leaves such imports out. Whoever uses a
 * name of it as a value hears why there is none.
 *
 * @param why what is wrong with importing it; where it is a package of which nothing but `@types/…` is installed, none
 * @param searched where the package was looked for
 */
export function onlyTypes(specifier: string, why?: string, searched: readonly string[] = []): object {
  const problem =
    why === undefined && searched.length > 0
      ? () => new MissingPackage(packageOf(specifier), searched)
      : () => new OnlyTypes(why ?? `'${specifier}' has types and no code.`)
  const namespace = new Proxy(Object.create(null) as object, {
    has: (_, name) => typeof name === 'string' && name !== 'then',
    get(_, name) {
      // What is looked at by `await` and by printing.
      if (typeof name === 'symbol' || name === 'then') return undefined
      throw problem()
    },
  })
  known.add(namespace)
  return namespace
}
