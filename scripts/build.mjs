// Compiles src/ and kernel/ to dist/ and lays beside them what is not TypeScript (fonts, logos).
// Does nothing when dist/ is newer than every source; `--force` builds anyway.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { joinLib, layCoveredTypes, layFirstWorld } from './cell-types.mjs'
import { filesBelow, isFresh } from './fresh.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const stamp = join(root, 'dist', '.built')
const compiled = ['src', 'kernel']

const sources = [
  ...compiled,
  'tsconfig.build.json',
  'tsconfig.json',
  'package.json',
  'labextension/src',
  'labextension/style',
  'scripts/build.mjs',
  'scripts/cell-types.mjs',
  'scripts/fresh.mjs',
  'scripts/widget-models.mjs',
]

/** Takes away what was compiled of files that are gone: the compiler leaves it, and the package would carry it. */
function removeStale() {
  const built = compiled.flatMap((part) => [...filesBelow(join(root, 'dist', part))])
  for (const file of built.filter((name) => name.endsWith('.js'))) {
    const types = file.replace(/\.js$/, '.d.ts')
    const source = join(root, relative(join(root, 'dist'), file)).replace(/\.js$/, '.ts')
    // What has no types beside it was not compiled, but laid there by the steps below.
    if (!existsSync(types) || existsSync(source)) continue
    rmSync(file)
    rmSync(types)
  }
}

function copyAssets() {
  for (const part of compiled)
    for (const file of filesBelow(join(root, part)))
      if (/\/assets\/[^/]+$/.test(file.replaceAll('\\', '/')))
        cpSync(file, join(root, 'dist', file.slice(root.length + 1)), { recursive: true })
}

/** The kernelspec wants its logo as pictures of two sizes beside the drawing. */
async function drawLogos() {
  const { Resvg } = await import('@resvg/resvg-js')
  const assets = join(root, 'dist', 'kernel', 'cli', 'assets')
  const drawing = readFileSync(join(assets, 'logo-svg.svg'), 'utf8')
  for (const size of [32, 64]) {
    const picture = new Resvg(drawing, { fitTo: { mode: 'width', value: size } }).render().asPng()
    writeFileSync(join(assets, `logo-${size}x${size}.png`), picture)
  }
}

const kernel = join(root, 'dist', 'kernel')
const bundle = join(kernel, 'bundle')

const fromBundle = (path) => relative(bundle, path).replaceAll('\\', '/')

/** What src/ shares with cells (the host, the errors) stays the one copy that it is. */
const sharedWithCells = {
  name: 'shared with cells',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^(\.\.\/)+src\// }, ({ path, resolveDir }) => ({
      path: fromBundle(join(resolveDir, path)),
      external: true,
    })),
}

/** What a module says of files by its own address goes on meaning the same. */
const asWhereItLay = (text, path) =>
  text.replaceAll('import.meta.url', `new URL('${fromBundle(path)}', import.meta.url).href`)

const modules = /dist[\\/]kernel[\\/].*\.js$/

const keepAddresses = {
  name: 'keep addresses',
  setup: ({ onLoad }) =>
    onLoad({ filter: modules }, ({ path }) => ({ contents: asWhereItLay(readFileSync(path, 'utf8'), path) })),
}

/** The same in the protocol thread, where src/ comes by the `import` that protocol-load.ts gives. */
const importedByLoader = {
  name: 'imported by the loader',
  setup: ({ onLoad }) =>
    onLoad({ filter: modules }, ({ path }) => ({
      contents: asWhereItLay(readFileSync(path, 'utf8'), path).replaceAll(
        /\bimport\('((?:\.\.\/)+src\/[^']+)'\)/g,
        (_, imported) => `$import('${fromBundle(join(path, '..', imported))}')`,
      ),
    })),
}

/** The parser's and the transformer's own files go into the bundle, and from there find their native code where they lie. */
const whereTheyLie = {
  name: 'where they lie',
  setup: ({ onLoad }) =>
    onLoad({ filter: /node_modules[\\/](oxc-parser|oxc-transform)[\\/].*\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll(
        'import.meta.url',
        `$addressOf('${/.*[\\/]node_modules[\\/]([^\\/]+)/.exec(path)[1]}')`,
      ),
    })),
}

/**
 * The kernel's two threads as few files instead of a hundred: 30 of the 210 ms of processor time that its start took. What a
 * front end waits for, until its first question is answered, is CommonJS: Node's loader of modules takes 4 ms in each thread.
 */
async function bundleKernel() {
  const { build } = await import('esbuild')
  const common = { bundle: true, platform: 'node', target: 'node20', charset: 'utf8', logLevel: 'warning' }
  await build({
    ...common,
    entryPoints: [join(kernel, 'main-engine.js')],
    outdir: bundle,
    splitting: true,
    format: 'esm',
    packages: 'external',
    plugins: [sharedWithCells, keepAddresses],
  })
  const commonJs = {
    ...common,
    format: 'cjs',
    define: { 'import.meta.url': '$here' },
    banner: {
      js: [
        `const { pathToFileURL: $toAddress } = require('node:url')`,
        'const $here = $toAddress(__filename).href',
        'const $addressOf = (name) => $toAddress(require.resolve(name)).href',
      ].join('\n'),
    },
  }
  await build({
    ...commonJs,
    entryPoints: [join(kernel, 'main.js')],
    outfile: join(kernel, 'main.cjs'),
    plugins: [
      {
        name: 'the other half',
        setup: ({ onResolve }) =>
          onResolve({ filter: /main-engine\.js$/ }, () => ({
            path: './bundle/main-engine.js',
            external: true,
          })),
      },
    ],
  })
  const { metafile } = await build({
    ...commonJs,
    entryPoints: [join(kernel, 'protocol-start.js')],
    outdir: bundle,
    entryNames: '[name]-[hash]',
    outExtension: { '.js': '.cjs' },
    metafile: true,
    external: ['esbuild', 'zeromq', 'typescript'],
    plugins: [importedByLoader, whereTheyLie],
  })
  const [[protocol, { imports }]] = Object.entries(metafile.outputs)
  const [wrong] = imports.filter(({ kind }) => kind === 'dynamic-import')
  if (wrong) throw new Error(`the protocol thread imports ${wrong.path} in a way that kept bytecode cannot`)
  await build({
    ...commonJs,
    entryPoints: [join(kernel, 'protocol-load.js')],
    outfile: join(bundle, 'protocol-load.cjs'),
    define: { ...commonJs.define, $protocol: JSON.stringify(basename(protocol)) },
  })
}

/** The scripts and the style of the pages that `gradbook run` writes, with all inside: such a page asks nothing of any server. */
async function bundlePageScripts() {
  const { build } = await import('esbuild')
  const lab = join(root, 'labextension')
  const browser = join(root, 'kernel', 'cli', 'notebook', 'browser')
  await build({
    entryPoints: {
      page: join(browser, 'page.ts'),
      charts: join(browser, 'charts.ts'),
      run: join(lab, 'src', 'page', 'run.ts'),
      'run-style': join(lab, 'style', 'page.css'),
    },
    outdir: join(root, 'dist', 'kernel', 'cli', 'notebook', 'assets'),
    bundle: true,
    minify: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'warning',
  })
}

await import('./widget-models.mjs')

const inputs = sources.map((source) => join(root, source))
if (process.argv.includes('--force') || !isFresh(stamp, inputs)) {
  const started = Date.now()
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  rmSync(stamp, { force: true })
  const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], {
    stdio: 'inherit',
    cwd: root,
  })
  if (status !== 0) process.exit(status ?? 1)
  removeStale()
  copyAssets()
  const language = join(kernel, 'language')
  await joinLib(root, language)
  layCoveredTypes(join(language, 'covered'))
  await layFirstWorld(root, join(language, 'first'))
  rmSync(bundle, { recursive: true, force: true })
  await bundleKernel()
  await drawLogos()
  await bundlePageScripts()
  writeFileSync(stamp, new Date(started).toISOString())
}
await import('../labextension/build.mjs')
