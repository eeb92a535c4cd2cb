// Builds the JupyterLab extension to ../dist/labextension, if its sources are newer than what is there; with --check only
// looks at its types. Installs its own build tools first when they are missing; the main package does not need them.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isFresh } from '../scripts/fresh.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const output = join(here, '..', 'dist', 'labextension')
const stamp = join(output, '.built')
const sources = ['src', 'style', 'package.json', 'package-lock.json', 'rspack.config.cjs', 'build.mjs']

/** Without network a clone still builds, less the extension; a package or a release is never made without it. */
const mayLack = !process.env.CI && process.env.npm_lifecycle_event !== 'prepack'

function run(command, args, { optional = false } = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: here,
    encoding: 'utf8',
    shell: process.platform === 'win32' && command === 'npm',
  })
  if (status === 0) return true
  process.stderr.write(`${error ?? ''}${stdout}${stderr}`)
  if (optional) return false
  process.exit(status || 1)
}

/** The tools, when they are missing or the lock file is another than the one they were installed by. */
function installTools({ optional = false } = {}) {
  const lock = readFileSync(join(here, 'package-lock.json'), 'utf8')
  const installed = join(here, 'node_modules', '.gradbook-lock')
  if (existsSync(installed) && readFileSync(installed, 'utf8') === lock) return true
  process.stderr.write('labextension: installing its build tools (once, about 200 MB)\n')
  if (!run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { optional })) return false
  writeFileSync(installed, lock)
  return true
}

// What it takes from the library: the rule of the axes.
const inputs = [...sources.map((source) => join(here, source)), join(here, '..', 'src', 'show', 'scale.ts')]
if (process.argv.includes('--check')) {
  installTools()
  const tsc = join('..', 'node_modules', 'typescript', 'bin', 'tsc')
  run(process.execPath, [tsc, '--noEmit', '-p', 'tsconfig.json'])
} else if (process.argv.includes('--force') || !isFresh(stamp, inputs)) {
  const started = new Date()
  if (installTools({ optional: mayLack })) {
    const builder = join('node_modules', '@jupyter', 'builder', 'lib', 'build-labextension.js')
    const core = join('node_modules', '@jupyterlab', 'core-meta', 'core.package.json')
    run(process.execPath, [builder, '--core-package-file', core, '.'])
    writeFileSync(stamp, started.toISOString())
  } else
    process.stderr.write('labextension: left out of this build, its tools could not be installed (above)\n')
}
