// Builds the extension for VS Code to ../dist/vscode/gradbook.vsix; with --check only looks at its types. Installs its own build
// tools first when they are missing: the main package needs neither them nor the extension.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..')
const made = join(root, 'dist', 'vscode')

function run(command, args, cwd = here) {
  const { status, error } = spawnSync(command, args, {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32' && command === 'npm',
  })
  if (status === 0) return
  if (error) process.stderr.write(`${error}\n`)
  process.exit(status || 1)
}

const lock = readFileSync(join(here, 'package-lock.json'), 'utf8')
const installed = join(here, 'node_modules', '.gradbook-lock')
if (!existsSync(installed) || readFileSync(installed, 'utf8') !== lock) {
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'])
  writeFileSync(installed, lock)
}

if (process.argv.includes('--check')) {
  run(process.execPath, [
    join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
    '--noEmit',
    '-p',
    'tsconfig.json',
  ])
} else {
  // What goes in lies in a folder of its own: the tools that build it do not.
  const folder = join(made, 'extension')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'out'), { recursive: true })
  const common = { bundle: true, minify: true, charset: 'utf8', legalComments: 'none', logLevel: 'warning' }
  await build({
    ...common,
    entryPoints: [join(here, 'src', 'main.ts')],
    outfile: join(folder, 'out', 'extension.cjs'),
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['vscode'],
  })
  const { outputFiles } = await build({
    ...common,
    entryPoints: [join(here, 'style', 'renderer.css')],
    write: false,
  })
  await build({
    ...common,
    entryPoints: [join(here, 'src', 'renderer.ts')],
    outfile: join(folder, 'out', 'renderer.js'),
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    define: { $style: JSON.stringify(outputFiles[0].text) },
  })
  const {
    scripts: _,
    devDependencies: __,
    private: ___,
    ...said
  } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'))
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(said, null, 2)}\n`)
  cpSync(join(here, 'README.md'), join(folder, 'README.md'))
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  const vsce = join(here, 'node_modules', '@vscode', 'vsce', 'vsce')
  run(
    process.execPath,
    [
      vsce,
      'package',
      '--no-dependencies',
      '--skip-license',
      '--allow-missing-repository',
      '--out',
      join(made, 'gradbook.vsix'),
    ],
    folder,
  )
}
