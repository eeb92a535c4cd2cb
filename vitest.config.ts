import { defineConfig } from 'vitest/config'
import { patience } from './test/kit/patience.js'

export default defineConfig({
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
