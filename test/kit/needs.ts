/**
 * What some tests need beyond Node: found by `npm test`, which tells through the environment, or here when vitest is
 * called by hand. `it.skipIf(!python)` skips what cannot be run; `npm test` counts that, and refuses it with CI=true.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findChromium } from '../../kernel/cli/chromium.js'
import { cacheFolder } from '../../kernel/cli/jupyter/folders.js'
import { makeEnvironment, pythonOf } from '../../kernel/cli/jupyter/lab.js'
import { testEnvironment } from '../../scripts/test-packages.mjs'

function findTestPython(): string | undefined {
  const folder = join(cacheFolder(), testEnvironment)
  return existsSync(join(folder, '.complete')) ? pythonOf(folder) : undefined
}

/** A Python with all of scripts/test-packages.mjs. */
export const python: string | undefined = (process.env.GRADBOOK_TEST_PYTHON ?? findTestPython()) || undefined

/** A Chromium or Chrome. */
export const chromium: string | undefined =
  (process.env.GRADBOOK_TEST_CHROMIUM ?? findChromium()) || undefined

/** Whether the long tests run too: `it.runIf(long)`. */
export const long: boolean = process.env.GRADBOOK_LONG === '1'

/** A Python with PyTorch, for long tests: GRADBOOK_PYTHON, as for `npm run bench`, or one in gradbook's cache. */
export const pytorch = (): string =>
  process.env.GRADBOOK_PYTHON ??
  pythonOf(makeEnvironment('pytorch', ['torch==2.13.0', 'numpy'], (text) => console.error(text)))
