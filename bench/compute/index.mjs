// `npm run bench compute [-- --rounds 5 --works gpt-small,gpt-large,convnet,perceptron --python python3 --threads 2]`
//
// Whole training steps beside PyTorch's: the processes take turns, so that a busy moment of the machine meets all of them;
// every figure is the median of the rounds' medians with the range of the rounds, and the ratio to the best peer.
// PyTorch is looked for in `--python` (or GRADBOOK_PYTHON); without it only our own figures are shown.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median, summary, table } from '../statistics.mjs'

const folder = dirname(fileURLToPath(import.meta.url))

/** Steps a round, and the goal as a ratio to the best peer. */
const works = {
  'gpt-small': { steps: 10, goal: 1, peers: ['eager', 'fused', 'compile'] },
  'gpt-large': { steps: 3, goal: 1.05, peers: ['eager', 'fused', 'compile'] },
  convnet: { steps: 10, goal: 1, peers: ['eager'] },
  perceptron: { steps: 500, goal: 0.35, peers: ['eager'] },
}

/** A process that makes as many steps as it is told, and answers with their milliseconds. */
async function start(command, args) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${command} ${args.join(' ')} ended`)
    return JSON.parse(value)
  }
  await answer()
  return {
    async measure(steps) {
      child.stdin.write(`${steps}\n`)
      return median((await answer()).times)
    },
    stop: () => child.kill(),
  }
}

export async function bench(args) {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '5' },
      works: { type: 'string', default: Object.keys(works).join() },
      python: { type: 'string', default: process.env.GRADBOOK_PYTHON ?? 'python3' },
      threads: { type: 'string', default: '2' },
    },
  })
  const unknown = values.works.split(',').filter((name) => !works[name])
  if (unknown.length > 0) {
    console.error(`--works: received ${unknown}. Expected some of ${Object.keys(works)}.`)
    return 1
  }
  const rows = []
  for (const work of values.works.split(',')) {
    const { steps, goal, peers } = works[work]
    const contestants = {}
    const inFolder = (file) => join(folder, file)
    for (const mode of ['compiled', 'lazy'])
      contestants[mode] = await start(process.execPath, [inFolder('step.mjs'), work, mode, values.threads])
    for (const variant of peers)
      try {
        contestants[`PyTorch ${variant}`] = await start(values.python, [
          inFolder('torch_step.py'),
          work,
          variant,
          values.threads,
        ])
      } catch (error) {
        console.error(`PyTorch ${variant} is left out: ${error.message}`)
      }
    const times = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]))
    for (let round = 1; round <= Number(values.rounds); round++)
      for (const [name, contestant] of Object.entries(contestants)) {
        console.error(`${work}, round ${round} of ${values.rounds}: ${name}`)
        times[name].push(await contestant.measure(steps))
      }
    for (const contestant of Object.values(contestants)) contestant.stop()
    const best = Math.min(
      ...Object.entries(times).flatMap(([name, list]) => (name.startsWith('PyTorch') ? [median(list)] : [])),
    )
    const ratio = (name) => (Number.isFinite(best) ? `${(median(times[name]) / best).toFixed(2)} x` : '-')
    for (const name of Object.keys(times))
      rows.push([
        work,
        name,
        summary(times[name]),
        ratio(name),
        name === 'compiled'
          ? `<= ${goal} x`
          : name === 'lazy'
            ? `${(median(times.lazy) / median(times.compiled)).toFixed(2)} x compiled`
            : '',
      ])
  }
  console.log(table(['work', 'who', 'ms a step', 'to the best PyTorch', 'goal'], rows))
  return 0
}
