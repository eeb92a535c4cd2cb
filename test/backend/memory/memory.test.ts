import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const run = promisify(execFile)

interface Window {
  growth: number
  tensors: number
  buffers: number
}

describe('memory', () => {
  for (const mode of ['compiled', 'lazy'])
    // oxfmt-ignore
    it(`stays as it is over 10,000 ${mode} steps: no tensor more, and the process within a twentieth`, { timeout: 240_000 }, async () => {
      const { stdout } = await run(process.execPath, [
        '--expose-gc',
        join(import.meta.dirname, 'steps.mjs'),
        mode,
        '10000',
      ])
      const windows: Window[] = JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
      for (const { tensors, buffers } of windows) expect({ tensors, buffers }).toEqual({ tensors: 0, buffers: 0 })
      expect(Math.min(...windows.map(({ growth }) => growth))).toBeLessThan(0.05)
    })
})
