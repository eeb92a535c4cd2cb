// `npm test`: installs and builds what is missing, finds or makes what the tests talk to (a Python environment with
// JupyterLab, a Chromium), then runs them all. `--long` adds the long ones; other arguments go to vitest.
//
// What cannot be had is said loudly, and what needs it is skipped and counted; with CI=true that is a failure.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { install, root } from './install.mjs'

await install()
const { makeEnvironment, pythonOf } = await import('../dist/kernel/cli/jupyter/lab.js')
const { cacheFolder } = await import('../dist/kernel/cli/jupyter/folders.js')
const { findChromium } = await import('../dist/kernel/cli/chromium.js')
const { testEnvironment, testPackages } = await import('./test-packages.mjs')

const ci = process.env.CI === 'true'
const args = process.argv.slice(2)
const missing = []

function maybePython() {
  try {
    return pythonOf(makeEnvironment(testEnvironment, testPackages, (text) => console.error(text)))
  } catch (error) {
    missing.push(`Python with JupyterLab: ${error.message}`)
    return ''
  }
}

const python = maybePython()
const chromium = findChromium() ?? ''
if (!chromium)
  missing.push('Chromium: none found. Install it (on Debian: apt install chromium) or set CHROME_BIN.')

const long = args.includes('--long')

/** Runs vitest under a Node; returns how many tests passed, failed and were skipped. */
function runTests(node, filters, env = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'gradbook-tests-'))
  const report = join(folder, 'report.json')
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const { status } = spawnSync(node, [vitest, 'run', ...reporters, ...filters], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, GRADBOOK_TEST_PYTHON: python, GRADBOOK_TEST_CHROMIUM: chromium, ...env },
  })
  try {
    const counted = JSON.parse(readFileSync(report, 'utf8'))
    // A file that could not be loaded has failed without a test to its name.
    const broken = counted.testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.length === 0,
    ).length
    return {
      passed: counted.numPassedTests,
      failed: Math.max(counted.numFailedTests + broken, status !== 0 ? 1 : 0),
      skipped: counted.numPendingTests + (counted.numTodoTests ?? 0),
    }
  } catch {
    // vitest ended before it could write one.
    return { passed: 0, failed: 1, skipped: 0 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What must hold on every supported Node: the rooms that touch its insides. */
const onEveryNode = ['test/kernel']

/** The other major versions, from the npm package `node`, in gradbook's cache: inside node_modules it would come first on the PATH of every npm script. */
function* otherNodes() {
  for (const major of ['20', '22', '24']) {
    if (process.versions.node.startsWith(`${major}.`)) continue
    const folder = join(cacheFolder(), 'node', major)
    const windows = process.platform === 'win32'
    const node = join(folder, 'node_modules', 'node', 'bin', windows ? 'node.exe' : 'node')
    if (!existsSync(node)) {
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'package.json'), '{"private": true}')
      const install = ['install', '--no-audit', '--no-fund', `node@${major}`]
      spawnSync('npm', install, { cwd: folder, stdio: 'inherit', shell: windows })
    }
    if (existsSync(node)) yield { major, node }
    else missing.push(`Node ${major}: npm could not install node@${major}`)
  }
}

const filters = args.filter((arg) => arg !== '--long')
const counts = [runTests(process.execPath, filters, long ? { GRADBOOK_LONG: '1' } : {})]
if (long && filters.length === 0)
  for (const { major, node } of otherNodes()) {
    console.log(`\nOn Node ${major}`)
    counts.push(runTests(node, onEveryNode))
  }
const sum = (name) => counts.reduce((total, count) => total + count[name], 0)
const [passed, skipped] = [sum('passed'), sum('skipped')]
const failed = sum('failed') + (ci ? missing.length : 0)

for (const what of missing) console.log(`\nMISSING, and so SKIPPED: ${what}`)
if (missing.length > 0 && ci) console.log('With CI=true each of these counts as a failure.')
if (skipped > 0)
  console.log(
    `\n${skipped} tests were skipped: ${long ? '' : 'the long ones (npm run test:long)'}${missing.length > 0 ? ' and those that need what is missing' : ''}`,
  )
console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = failed > 0 ? 1 : 0
