/**
 * What some tests need beyond Node: found by `npm test`, which tells through the environment, or here when vitest is
 * called by hand. `it.skipIf(!python)` skips what cannot be run; `npm test` counts that, and refuses it with CI=true.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findChromium } from '../../kernel/cli/chromium.js'
import { cacheFolder } from '../../kernel/cli/jupyter/folders.js'
import { pythonOf } from '../../kernel/cli/jupyter/lab.js'
import { testEnvironment } from '../../scripts/test-packages.mjs'

function findTestPython(): string | undefined {
  const folder = join(cacheFolder(), testEnvironment)
  return existsSync(join(folder, '.complete')) ? pythonOf(folder) : undefined
}

/** A Python with JupyterLab, nbclient, nbconvert, ipykernel and jupyter_kernel_test. */
export const python: string | undefined = (process.env.GRADBOOK_TEST_PYTHON ?? findTestPython()) || undefined

/** A Chromium or Chrome. */
export const chromium: string | undefined =
  (process.env.GRADBOOK_TEST_CHROMIUM ?? findChromium()) || undefined

/** Whether that Python has a module; without it the test that reads our files with it is skipped, and says so. */
export function pythonHas(module: string): boolean {
  const has = python !== undefined && spawnSync(python, ['-c', `import ${module}`]).status === 0
  if (!has) process.stderr.write(`Skipped: no Python with ${module} (GRADBOOK_TEST_PYTHON).\n`)
  return has
}

/** Whether the long tests run too: `it.runIf(long)`. */
export const long: boolean = process.env.GRADBOOK_LONG === '1'
