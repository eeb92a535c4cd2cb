// `npm run lock` writes package-lock.json and those of labextension/ and vscode/ anew; with `--check` it only says whether they can be
// installed from.
//
// npm leaves out of the lock file those binaries of other platforms that node_modules lacks or that the registry at hand
// does not serve, and `npm ci` then refuses on every machine. So each file is made in an empty folder, and completed: what the
// registry does not serve has no checksum, until the file is written where it is served.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './install.mjs'

const folders = ['', 'labextension', 'vscode']
const lockOf = (folder) => join(root, folder, 'package-lock.json')

/** Packages that others name as optional and that have no entry, and addresses of a registry, which are one machine's own. */
function findFaults(lock) {
  const text = readFileSync(lock, 'utf8')
  const { packages } = JSON.parse(text)
  const there = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')))
  const faults = []
  for (const [path, { optionalDependencies = {} }] of Object.entries(packages))
    for (const name of Object.keys(optionalDependencies))
      if (!there.has(name)) faults.push(`${name}, which ${path || 'gradbook'} names, has no entry`)
  if (/"resolved":/.test(text)) faults.push('it holds addresses of a registry')
  return faults
}

const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32']
const processors = ['arm64', 'arm', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'wasm32']

/** Writes an entry for every platform's binary that has none; its name says which platform that is. */
function complete(lock) {
  const content = JSON.parse(readFileSync(lock, 'utf8'))
  const { packages } = content
  for (const { optionalDependencies = {}, dev } of Object.values(packages))
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const os = systems.find((system) => name.includes(`-${system}`))
      const cpu = processors.find((processor) => name.includes(`-${processor}`))
      const path = `node_modules/${name}`
      if (packages[path] || !cpu || (!os && cpu !== 'wasm32')) continue
      const libc = name.includes('-musl') ? ['musl'] : os === 'linux' ? ['glibc'] : undefined
      packages[path] = {
        version,
        cpu: [cpu],
        ...(dev ? { dev } : {}),
        ...(libc ? { libc } : {}),
        optional: true,
        ...(os ? { os: [os] } : {}),
      }
    }
  const sorted = Object.keys(packages).sort((a, b) => a.localeCompare(b, 'en'))
  content.packages = Object.fromEntries(sorted.map((path) => [path, packages[path]]))
  writeFileSync(lock, `${JSON.stringify(content, null, 2)}\n`)
}

/** Makes the file anew from the package.json beside it. */
function write(folder) {
  const empty = mkdtempSync(join(tmpdir(), 'gradbook-lock-'))
  for (const file of ['package.json', '.npmrc']) copyFileSync(join(root, folder, file), join(empty, file))
  const { status } = spawnSync('npm', ['install', '--package-lock-only', '--ignore-scripts'], {
    cwd: empty,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status === 0) copyFileSync(join(empty, 'package-lock.json'), lockOf(folder))
  rmSync(empty, { recursive: true, force: true })
  if (status !== 0) process.exit(status ?? 1)
  complete(lockOf(folder))
}

if (!process.argv.includes('--check')) for (const folder of folders) write(folder)

const faults = folders.flatMap((folder) =>
  findFaults(lockOf(folder)).map((fault) => `${join(folder, 'package-lock.json')}: ${fault}`),
)
for (const fault of faults.slice(0, 10)) console.error(fault)
if (faults.length > 0) {
  console.error('Run `npm run lock`.')
  process.exit(1)
}
