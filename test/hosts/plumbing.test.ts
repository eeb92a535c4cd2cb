import { expect, test } from 'vitest'
import * as gradbook from '../../src/index.js'
import * as plumbing from '../../src/plumbing.js'

test('what only a host or a library needs is in gradbook/host, and not in what completion offers of gradbook', () => {
  const names = ['setHost', 'currentHost', 'maybeHost', 'beside', 'silentHost', 'terminalHost']
  for (const name of [...names, 'onRuns', 'knownRuns', 'nextSeed', 'describe']) {
    expect(plumbing).toHaveProperty(name)
    expect(gradbook).not.toHaveProperty(name)
  }
})

test('the globals of a cell can be imported from gradbook', () => {
  for (const name of [
    'display',
    'html',
    'markdown',
    'latex',
    'svg',
    'clearOutput',
    'prompt',
    'confirm',
    'host',
  ])
    expect(gradbook).toHaveProperty(name)
})
