// `npm run bench kernel [-- --rounds 5 --repeats 30 --peers [gradbook,ipykernel,deno,tslab]]`; `--peers` alone: all of them.
//
// What a user of a kernel waits for, side by side in one run. The kernels take turns, so that a busy moment of the machine
// meets all of them; every figure is a median with the middle half of the values, and beside it the ratio to ipykernel.
import { arch, cpus, platform } from 'node:os'
import { parseArgs } from 'node:util'
import { median, summary, table } from '../statistics.mjs'
import { measure } from './measure.mjs'
import { peers } from './peers.mjs'

/** Rows of the table: a figure, its name, and the goal as a ratio to ipykernel or as a limit. */
const rows = [
  ['start', 'start to `kernel_info`, ms', { ratio: 0.6 }],
  ['firstCell', 'first cell after start, ms', { ratio: 3 }],
  ['startToResult', 'start to the first result, ms', { ratio: 0.8 }],
  ['trivial', 'trivial cell, ms', { ratio: 0.8 }],
  ['logs', 'cell that logs, ms', {}],
  ['afterImport', 'cell after `import * as tf`, ms', { ratio: 1.5 }],
  ['completion', 'completion, ms', { ratio: 1 }],
  ['inspection', 'inspection, ms', { ratio: 1 }],
  ['manyLines', '10,000 lines, ms', { limit: 500 }],
  ['memory', 'idle memory of the process tree, MB', { limit: 170 }],
]
const reference = 'ipykernel'

const goalText = ({ ratio, limit }) =>
  ratio !== undefined ? `<= ${ratio} x` : limit !== undefined ? `<= ${limit}` : ''

/** `--peers` alone means all of them. */
const withAllPeers = (args) =>
  args.flatMap((arg, index) =>
    arg === '--peers' && (args[index + 1] ?? '--').startsWith('--')
      ? [`--peers=${Object.keys(peers)}`]
      : [arg],
  )

export async function bench(args) {
  const { values } = parseArgs({
    args: withAllPeers(args),
    options: {
      rounds: { type: 'string', default: '5' },
      repeats: { type: 'string', default: '30' },
      peers: { type: 'string', default: `gradbook,${reference}` },
      json: { type: 'boolean', default: false },
    },
  })
  const names = values.peers.split(',')
  const unknown = names.filter((name) => !peers[name])
  if (unknown.length > 0) {
    console.error(`--peers: received ${unknown}. Expected some of ${Object.keys(peers)}.`)
    return 1
  }
  const prepared = {}
  for (const name of names)
    try {
      prepared[name] = peers[name].prepare()
    } catch (error) {
      console.error(`${name} is left out: ${error.message}`)
    }
  const present = Object.keys(prepared)
  const figures = Object.fromEntries(present.map((name) => [name, {}]))
  const notes = new Set()
  for (let round = 1; round <= Number(values.rounds); round++)
    for (const name of present) {
      console.error(`round ${round} of ${values.rounds}: ${name}`)
      const measured = await measure(prepared[name], peers[name].cells, {
        repeats: Number(values.repeats),
        note: (text) => notes.add(`${name}: ${text}`),
      })
      for (const [row, list] of Object.entries(measured)) (figures[name][row] ??= []).push(...list)
    }

  if (values.json) {
    console.log(JSON.stringify(figures, null, 1))
    return 0
  }
  const cell = (name, row) => {
    const list = figures[name][row] ?? []
    const base = figures[reference]?.[row]
    const ratio =
      base?.length && list.length && name !== reference
        ? `, ${(median(list) / median(base)).toFixed(2)} x`
        : ''
    return `${summary(list)}${ratio}`
  }
  console.log(
    `${cpus()[0]?.model ?? arch()}, ${cpus().length} cores, ${platform()}, Node ${process.versions.node}; ${values.rounds} rounds, ${values.repeats} repeats; median (middle half), ratio to ${reference}\n`,
  )
  console.log(
    table(
      ['', ...present, 'goal'],
      rows.map(([row, label, goal]) => [label, ...present.map((name) => cell(name, row)), goalText(goal)]),
    ),
  )
  for (const note of notes) console.log(`\n${note}`)
  return 0
}
