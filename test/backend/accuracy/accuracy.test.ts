import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { long, pytorch, temporaryFolder } from '../../kit/index.js'

const run = promisify(execFile)
const epochs = 5
const seeds = 5

async function accuracies(program: string, file: string, folder: string): Promise<number[]> {
  const args = [join(import.meta.dirname, file), folder, String(epochs), String(seeds)]
  const { stdout } = await run(program, args, { cwd: folder, maxBuffer: 2 ** 24 })
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const spread = (values: readonly number[]) => Math.max(...values) - Math.min(...values)

describe.runIf(long)('a convnet trained here', () => {
  // oxfmt-ignore
  it('is as accurate as the same in PyTorch on the same digits: five seeds each, within their spread', { timeout: 1_800_000 }, async () => {
    const folder = temporaryFolder()
    const here = await accuracies(process.execPath, 'train.mjs', folder)
    const there = await accuracies(pytorch(), 'train.py', folder)
    console.log(`accuracy here ${here.join(' ')}, in PyTorch ${there.join(' ')}`)
    for (const list of [here, there]) expect(mean(list)).toBeGreaterThan(0.94)
    // The two ranges overlap, and their middles are no further apart than either is wide.
    expect(Math.max(...here)).toBeGreaterThanOrEqual(Math.min(...there))
    expect(Math.max(...there)).toBeGreaterThanOrEqual(Math.min(...here))
    expect(Math.abs(mean(here) - mean(there))).toBeLessThanOrEqual(Math.max(spread(here), spread(there)))
  })
})
