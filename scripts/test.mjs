// `npm test`: installs and builds what is missing, finds or makes what the tests talk to (a Python environment with
// JupyterLab, a Chromium), then runs them all. `--long` adds the long ones; other arguments go to vitest.
//
// What cannot be had is said loudly, and what needs it is skipped and counted; with CI=true that is a failure.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { install, root } from './install.mjs'

await install()
const { makeEnvironment, pythonOf } = await import('../dist/kernel/cli/jupyter/lab.js')
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

const folder = mkdtempSync(join(tmpdir(), 'gradbook-tests-'))
const report = join(folder, 'report.json')
const { status } = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...args.filter((arg) => arg !== '--long'),
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      GRADBOOK_TEST_PYTHON: python,
      GRADBOOK_TEST_CHROMIUM: chromium,
      ...(args.includes('--long') ? { GRADBOOK_LONG: '1' } : {}),
    },
  },
)

function readReport() {
  try {
    return JSON.parse(readFileSync(report, 'utf8'))
  } catch {
    // vitest ended before it could write one.
    return { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0, testResults: [] }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const {
  numPassedTests: passed,
  numFailedTests,
  numPendingTests,
  numTodoTests = 0,
  testResults,
} = readReport()
// A file that could not be loaded has failed without a test to its name.
const broken = testResults.filter(
  ({ status: state, assertionResults }) => state === 'failed' && assertionResults.length === 0,
).length
const skipped = numPendingTests + numTodoTests
const failed = Math.max(numFailedTests + broken, status !== 0 ? 1 : 0) + (ci ? missing.length : 0)

for (const what of missing) console.log(`\nMISSING, and so SKIPPED: ${what}`)
if (missing.length > 0 && ci) console.log('With CI=true each of these counts as a failure.')
if (skipped > 0)
  console.log(
    `\n${skipped} tests were skipped: ${args.includes('--long') ? '' : 'the long ones (npm run test:long)'}${missing.length > 0 ? ' and those that need what is missing' : ''}`,
  )
console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = failed > 0 ? 1 : 0
