// Who takes part: every contestant is a process that is asked in lines of JSON, and answers in such.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = dirname(fileURLToPath(import.meta.url))
const inFolder = (file) => join(folder, file)

const ours =
  (activations, more = {}) =>
  (options) => [process.execPath, inFolder('ours.mjs'), JSON.stringify({ ...options, activations, ...more })]
const python = (who) => (options) => [options.python, inFolder('peers.py'), who, JSON.stringify(options)]

const commands = {
  gradbook: ours(),
  'gradbook, float32': ours('float32'),
  'gradbook, int8': ours('int8'),
  'gradbook, float32, cold': ours('float32', { cold: true }),
  'gradbook, int8, cold': ours('int8', { cold: true }),
  'gradbook, fast in a quarter': ours(undefined, { recipe: 'fast' }),
  transformers: python('transformers'),
  'llama.cpp': python('llama.cpp'),
  PyTorch: python('torch'),
  tokenizers: python('tokenizers'),
  peft: python('peft'),
}

/** Starts a contestant; rejects where it cannot take part. */
export async function start(name, work, options) {
  const [program, ...args] = commands[name]({ ...options, first: work })
  const env = { ...process.env, OMP_NUM_THREADS: options.threads, TOKENIZERS_PARALLELISM: 'true' }
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env })
  let said = ''
  child.stderr.on('data', (text) => (said = (said + text).slice(-2000)))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const failed = new Promise((_, reject) => child.once('error', reject))
  const answer = async () => {
    const { value, done } = await Promise.race([lines.next(), failed])
    if (done)
      throw new Error(
        said.split('\n').findLast((line) => /^\w*(Error|NotFound)\w*\b/.test(line)) ?? 'it ended',
      )
    return value.startsWith('{') ? JSON.parse(value) : answer()
  }
  await answer()
  return {
    ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`)
      return answer()
    },
    stop: () => child.kill(),
  }
}
