import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createRequire } from 'node:module'
import { build } from 'esbuild'

const require = createRequire(import.meta.url)
const core = dirname(require.resolve('@tensorflow/tfjs-core/package.json'))

/** Every spec that tfjs-core ships in its package. */
const specs = readdirSync(join(core, 'dist'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('_test.js'))
  .sort()

/**
 * The specs as one module that exports `define(environment)`. They import tfjs-core's inner files without extensions, in a
 * package that does not say it is ESM, which Node refuses to load; a bundle is read by anything. The copy of
 * tfjs-core inside it shares its engine and its kernels with the package's own through `globalThis`.
 */
export async function bundleSpecs(outfile: string): Promise<void> {
  await build({
    stdin: {
      resolveDir: join(core, 'dist'),
      contents: [
        `import { setTestEnvs } from './jasmine_util'`,
        `import './index'`,
        `export async function define(environment) {`,
        `  setTestEnvs([environment])`,
        ...specs.map((file) => `  await import('./${file.replaceAll('\\', '/')}')`),
        `}`,
      ].join('\n'),
    },
    outfile,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    logLevel: 'error',
    nodePaths: [join(core, '..', '..')],
  })
}
