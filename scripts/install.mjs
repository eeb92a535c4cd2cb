// What `npm start` and `npm test` do first: the dependencies as the lock file has them, and a fresh build.
// Uses nothing but Node: it runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  console.error(`gradbook needs Node 20.19 or later; this is ${process.versions.node} (${process.execPath}).`)
  process.exit(1)
}

const packagesOf = (file) => JSON.parse(readFileSync(join(root, file), 'utf8')).packages

/** npm leaves in node_modules what it installed there: it must have all that the lock file asks for. */
function isInstalled() {
  if (!existsSync(join(root, 'node_modules', '.package-lock.json'))) return false
  const wanted = packagesOf('package-lock.json')
  const there = packagesOf('node_modules/.package-lock.json')
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || there[path]?.version === version,
  )
}

/** npm as it runs us (`npm start` says where it is), else the one on the PATH. */
function npm(...args) {
  const { npm_execpath } = process.env
  const result = npm_execpath?.endsWith('.js')
    ? spawnSync(process.execPath, [npm_execpath, ...args], { cwd: root, stdio: 'inherit' })
    : spawnSync('npm', args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
  if (result.status !== 0) {
    console.error(`\`npm ${args.join(' ')}\` failed${result.error ? `: ${result.error.message}` : ''}.`)
    process.exit(result.status || 1)
  }
}

export async function install() {
  checkNode()
  process.chdir(root)
  if (!isInstalled()) {
    console.error('Installing the dependencies (npm ci)')
    npm('ci', '--no-audit', '--no-fund', '--loglevel=error')
  }
  await import('./build.mjs')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await install()
