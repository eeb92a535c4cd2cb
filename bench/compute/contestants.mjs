// Who takes part: every contestant is a process that makes as many steps as it is told, and answers with their milliseconds.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder } from '../../dist/kernel/cli/jupyter/folders.js'
import { median } from '../statistics.mjs'

const folder = dirname(fileURLToPath(import.meta.url))
const inFolder = (file) => join(folder, file)

/** Where scripts/tfjs-node.mjs builds it for the long tests, with the Python that has its TensorFlow. */
const tfjsNode = join(cacheFolder(), 'tfjs-node')
const wasm = join(cacheFolder(), 'tfjs-wasm')

/** tfjs's wasm backend, in gradbook's cache: only this benchmark uses it. */
function installWasm() {
  if (existsSync(join(wasm, 'node_modules', '@tensorflow', 'tfjs-backend-wasm'))) return
  mkdirSync(wasm, { recursive: true })
  writeFileSync(join(wasm, 'package.json'), '{ "private": true }')
  const packages = ['@tensorflow/tfjs@4.22.0', '@tensorflow/tfjs-backend-wasm@4.22.0']
  const { status, stderr } = spawnSync('npm', ['install', '--no-audit', '--no-fund', ...packages], {
    cwd: wasm,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`npm could not install it: ${stderr.trim().split('\n').at(-1)}`)
}

function mustExist(path) {
  if (!existsSync(path)) throw new Error(`there is no ${path}: node scripts/tfjs-node.mjs ${tfjsNode}`)
}

const ours = (mode) => ({
  command: (work, { threads }) => [process.execPath, inFolder('step.mjs'), work, mode, threads],
})
const torch = (variant) => ({
  peer: true,
  command: (work, { python, threads }) => [python, inFolder('torch_step.py'), work, variant, threads],
})

/** `peer`: the goals are ratios to the fastest of these. `prepare` throws where it cannot take part here. */
export const contestants = {
  compiled: ours('compiled'),
  lazy: ours('lazy'),
  'a run, several a call': ours('run'),
  'PyTorch eager': torch('eager'),
  'PyTorch eager, fused optimizer': torch('fused'),
  'PyTorch compile': torch('compile'),
  'Keras tf.function': {
    peer: true,
    prepare: () => mustExist(join(tfjsNode, 'python')),
    command: (work, { threads }) => [
      join(tfjsNode, 'python', 'bin', 'python'),
      inFolder('keras_step.py'),
      work,
      'function',
      threads,
    ],
  },
  'tfjs wasm': {
    prepare: installWasm,
    command: (work, { threads }) => [process.execPath, inFolder('step.mjs'), work, 'wasm', threads, wasm],
  },
  'tfjs-node': {
    prepare: () => mustExist(join(tfjsNode, '.complete')),
    command: (work, { threads }) => [
      process.execPath,
      inFolder('step.mjs'),
      work,
      'tensorflow',
      threads,
      tfjsNode,
    ],
  },
}

/** Starts a contestant; rejects where it cannot do this work. */
export async function start(name, work, options) {
  const { prepare, command } = contestants[name]
  prepare?.()
  const [program, ...args] = command(work, options)
  const child = spawn(program, args.map(String), { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const failed = new Promise((_, reject) => child.once('error', reject))
  const answer = async () => {
    const { value, done } = await Promise.race([lines.next(), failed])
    if (done) throw new Error('it ended')
    return value.startsWith('{') ? JSON.parse(value) : answer()
  }
  const { first } = await answer()
  return {
    /** Milliseconds of its first step: for a compiled one trace, graph and session. */
    first,
    async measure(steps) {
      child.stdin.write(`${steps}\n`)
      return median((await answer()).times)
    },
    stop: () => child.kill(),
  }
}
