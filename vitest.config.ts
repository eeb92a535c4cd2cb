import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { defineConfig } from 'vitest/config'
import { patience } from './test/kit/patience.js'

const root = import.meta.dirname

/** Node starts a thread from JavaScript alone: what a test takes from src/ starts the built one, which `globalSetup` sees to. */
const builtThreads = {
  name: 'built-threads',
  transform(code: string, id: string): string | undefined {
    const place = relative(root, dirname(id))
    if (!place.startsWith('src') || !code.includes('-worker.js')) return undefined
    return code.replace(
      /new URL\((['"])([\w-]+-worker\.js)\1, import\.meta\.url\)/g,
      (_, __, name: string) =>
        `new URL(${JSON.stringify(pathToFileURL(join(root, 'dist', place, name)).href)})`,
    )
  },
}

export default defineConfig({
  plugins: [builtThreads],
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/setup/build.ts', 'test/setup/temporary.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Twice what one step of a test may wait, so that the step that did not come is named and not the test.
    testTimeout: 2 * patience,
    hookTimeout: 2 * patience,
    expect: { poll: { timeout: patience, interval: 50 } },
  },
})
