// `npm run bench compute [-- --rounds 5 --works gpt-small,gpt-large,convnet,perceptron,cold,overhead --python python3 --threads 2]`
//
// Whole training steps beside PyTorch's and others': the processes take turns, so that a busy moment of the machine meets all
// of them; every figure is the median of the rounds' medians with the middle half of the rounds, and the ratio to the best peer.
// PyTorch is looked for in `--python` (or GRADBOOK_PYTHON). Who cannot be had is left out, and named.
import { parseArgs } from 'node:util'
import { median, summary, table } from '../statistics.mjs'

const torch = ['PyTorch eager', 'PyTorch eager, fused optimizer', 'PyTorch compile']
const own = ['compiled', 'lazy']

/** Steps a round (fewer for the slow), the goal as a ratio to the best peer, and who takes part. */
const works = {
  'gpt-small': { steps: 10, goal: '<= 1.0 x', who: [...own, ...torch, 'tfjs wasm', 'tfjs-node'] },
  'gpt-large': { steps: 3, goal: '<= 1.05 x', who: [...own, ...torch, 'tfjs-node'] },
  // tfjs's wasm backend has no gradient of a convolution.
  convnet: { steps: 10, goal: '<= 1.0 x', who: [...own, ...torch, 'Keras tf.function', 'tfjs-node'] },
  perceptron: {
    steps: 500,
    goal: '<= 0.35 x',
    who: [...own, 'a run, several a call', ...torch, 'tfjs wasm', 'tfjs-node'],
  },
}
const stepsOfSlow = {
  'a run, several a call': { perceptron: 4000 },
  'tfjs wasm': { 'gpt-small': 1 },
  'tfjs-node': { 'gpt-small': 3, 'gpt-large': 1 },
}

const lazyGoal = { 'gpt-small': ' (goal 1.6)' }

async function race(work, rounds, options, { contestants, start }) {
  const { steps, goal, who } = works[work]
  const running = {}
  for (const name of who)
    try {
      running[name] = await start(name, work, options)
    } catch (error) {
      console.error(`${work}: ${name} is left out: ${error.message}`)
    }
  const times = Object.fromEntries(Object.keys(running).map((name) => [name, []]))
  for (let round = 1; round <= rounds; round++) {
    console.error(`${work}, round ${round} of ${rounds}`)
    for (const [name, contestant] of Object.entries(running))
      times[name].push(await contestant.measure(stepsOfSlow[name]?.[work] ?? steps))
  }
  for (const contestant of Object.values(running)) contestant.stop()
  const best = Math.min(
    ...Object.entries(times).flatMap(([name, list]) => (contestants[name].peer ? [median(list)] : [])),
  )
  const goals = {
    compiled: goal,
    'a run, several a call': '<= 0.1 x PyTorch eager',
    lazy: `${(median(times.lazy) / median(times.compiled)).toFixed(2)} x compiled${lazyGoal[work] ?? ''}`,
  }
  return Object.entries(times).map(([name, list]) => [
    work,
    name,
    summary(list),
    Number.isFinite(best) ? `${(median(list) / best).toFixed(2)} x` : '-',
    goals[name] ?? '',
  ])
}

/** The first step of the small GPT in a new process: trace, graph, session and the step itself. */
async function cold(rounds, options, { start }) {
  const times = []
  for (let round = 1; round <= rounds; round++) {
    console.error(`cold, round ${round} of ${rounds}`)
    const contestant = await start('compiled', 'gpt-small', options)
    times.push(contestant.first)
    contestant.stop()
  }
  return [['gpt-small', 'compiled, its first step in a new process', summary(times), '', '<= 500 ms']]
}

/** A run beside its own compiled step. */
async function overRun(rounds) {
  const { overhead } = await import('./overhead.mjs')
  return (await overhead(rounds)).flatMap(({ name, times, goal }) => {
    const [more, most] = goal(median(times.run), median(times.step))
    return [
      [name, 'compiled step alone', summary(times.step), '', ''],
      [name, 'an iteration of a run', summary(times.run), '', `${more} more (goal ${most})`],
      [name, 'a call of a run, once', summary(times.call), '', ''],
    ]
  })
}

export async function bench(args) {
  const all = [...Object.keys(works), 'cold', 'overhead']
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '5' },
      works: { type: 'string', default: all.join() },
      python: { type: 'string', default: process.env.GRADBOOK_PYTHON ?? 'python3' },
      threads: { type: 'string', default: '2' },
    },
  })
  const chosen = values.works.split(',')
  const unknown = chosen.filter((name) => !all.includes(name))
  if (unknown.length > 0) {
    console.error(`--works: received ${unknown}. Expected some of ${all}.`)
    return 1
  }
  const door = await import('./contestants.mjs')
  const rounds = Number(values.rounds)
  const rows = []
  for (const work of chosen)
    if (work === 'overhead') rows.push(...(await overRun(rounds)))
    else
      rows.push(...(await (work === 'cold' ? cold(rounds, values, door) : race(work, rounds, values, door))))
  console.log(table(['work', 'who', 'ms a step', 'to the best peer', 'goal'], rows))
  return 0
}
