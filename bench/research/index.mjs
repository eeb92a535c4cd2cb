// `npm run bench research [-- --rounds 5 --programs vae,gan,… --python python3 --threads 2]`
//
// Six programs of researchers, each as a run of gradbook, as the same loop written out in tfjs on gradbook's backend, and in
// PyTorch. All of them stand ready at once and take turns, so that a busy moment of the machine meets all; every figure is the median of the
// rounds with their middle half. Accepted: never slower than the plain loop, and by PyTorch what the last column says. PyTorch is looked
// for in `--python` (or GRADBOOK_PYTHON); where it is missing it is left out, and named.
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median, summary, table } from '../statistics.mjs'

const script = join(dirname(fileURLToPath(import.meta.url)), 'torch_step.py')

/** The program in PyTorch, as a process that answers with milliseconds an iteration. */
async function startTorch(program, { python, threads }) {
  const child = spawn(python, [script, program, threads], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const failed = new Promise((_, reject) => child.once('error', reject))
  const answer = async () => {
    const { value, done } = await Promise.race([lines.next(), failed])
    if (done) throw new Error('it ended')
    return JSON.parse(value)
  }
  await answer()
  return {
    async measure(iterations) {
      child.stdin.write(`${iterations}\n`)
      return (await answer()).milliseconds
    },
    stop: () => child.kill(),
  }
}

const own = (iterate) => ({
  async measure(iterations) {
    const started = performance.now()
    await iterate(iterations)
    return (performance.now() - started) / iterations
  },
  stop() {},
})

async function race(name, { make, iterations, most }, rounds, options) {
  const { run, plain } = make()
  const who = { 'a run': own(run), 'plain loop': own(plain) }
  for (const one of Object.values(who)) await one.measure(20)
  try {
    who.PyTorch = await startTorch(name, options)
  } catch (error) {
    console.error(`${name}: PyTorch is left out: ${error.message}`)
  }
  const times = Object.fromEntries(Object.keys(who).map((one) => [one, []]))
  for (let round = 1; round <= rounds; round++) {
    console.error(`${name}, round ${round} of ${rounds}`)
    for (const [one, contestant] of Object.entries(who)) times[one].push(await contestant.measure(iterations))
  }
  for (const contestant of Object.values(who)) contestant.stop()
  const to = (peer) => (times[peer] ? `${(median(times['a run']) / median(times[peer])).toFixed(2)} x` : '-')
  return [
    name,
    ...['a run', 'plain loop', 'PyTorch'].map((one) => summary(times[one] ?? [])),
    `${to('plain loop')} (<= 1)`,
    `${to('PyTorch')} (<= ${most.toFixed(1)})`,
  ]
}

export async function bench(args) {
  const { programs } = await import('./programs.mjs')
  const all = Object.keys(programs)
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '5' },
      programs: { type: 'string', default: all.join() },
      python: { type: 'string', default: process.env.GRADBOOK_PYTHON ?? 'python3' },
      threads: { type: 'string', default: '2' },
    },
  })
  const chosen = values.programs.split(',')
  const unknown = chosen.filter((name) => !all.includes(name))
  if (unknown.length > 0) {
    console.error(`--programs: received ${unknown}. Expected some of ${all}.`)
    return 1
  }
  const tf = await import('@tensorflow/tfjs')
  const { setBackendOptions } = await import('../../dist/src/backend/index.js')
  await tf.setBackend('onnxruntime')
  setBackendOptions({ threads: Number(values.threads) })
  const rows = []
  for (const name of chosen) rows.push(await race(name, programs[name], Number(values.rounds), values))
  console.log(
    table(['ms an iteration', 'a run', 'plain loop', 'PyTorch', 'run to plain loop', 'run to PyTorch'], rows),
  )
  return 0
}
