/** Packages that the kernel brings: a notebook in an empty folder can import them, and gets their types. */
export const broughtPackages = [
  'gradbook',
  '@tensorflow/tfjs',
  '@tensorflow/tfjs-core',
  '@tensorflow/tfjs-layers',
  '@tensorflow/tfjs-data',
  '@tensorflow/tfjs-converter',
  '@tensorflow/tfjs-backend-cpu',
  '@tensorflow/tfjs-backend-webgl',
  'vega-lite',
  'arquero',
  'tslab',
] as const

/** `@scope/name` of `@scope/name/sub/path`. */
export const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

/** Whether a specifier names a package: not a path, not an address, not an `#import`. */
export const isPackage = (specifier: string): boolean =>
  !/^(\.{0,2}\/|\.{1,2}$|[a-z][a-z0-9+.-]*:|#)/i.test(specifier)

export const isBrought = (specifier: string): boolean =>
  (broughtPackages as readonly string[]).includes(packageOf(specifier))
