// `npm run bench text [-- --rounds 5 --works decode,prompt,load,train,lora,bpe --python python3 --threads 2 --gguf FILE --text FILE --iterations 2000]`
//
// Language models beside others in the same run, who take turns: SmolLM2-135M (the GGUF that `gradbook fetch smollm2` gets) beside
// `transformers` and llama.cpp, nanoGPT's configuration for a processor beside PyTorch, LoRA beside `peft`, BPE beside `tokenizers`. Figures are medians
// of the rounds with the middle half. Peers are looked for in `--python` (or GRADBOOK_PYTHON): torch, transformers, peft, gguf,
// tokenizers, llama_cpp. `--works shop --rounds 1 --settings '{"learningRate":1e-3,"rank":8}'` tunes on the shop's conversations for five
// minutes and asks what was held out. Who cannot be had is left out, and named. `train` and `bpe` read `--text`, a file of your own, and are left out without.
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { summary, table } from '../statistics.mjs'

const decoders = ['gradbook, float32', 'gradbook, int8', 'transformers', 'llama.cpp']
const trainers = ['gradbook', 'PyTorch', 'gradbook, fast in a quarter']

/** One row a work: who takes part, what is asked of them, and what of the answer is shown. */
const works = {
  decode: { who: decoders, ask: { work: 'decode', tokens: 128 }, shows: { rate: 'tokens/s' } },
  prompt: { who: decoders, ask: { work: 'prompt', tokens: 512 }, shows: { ms: 'ms to the first token' } },
  load: {
    // Cold: nothing is kept of the file yet. The others find what those have kept.
    who: decoders.flatMap((name) => (name.startsWith('gradbook') ? [`${name}, cold`, name] : [name])),
    isFresh: true,
    ask: { work: 'load' },
    shows: { ms: 'ms from the file to the first token', mb: 'MB more than before, while decoding' },
  },
  train: { who: trainers, isFresh: true, needs: 'text', shows: { seconds: 's in all', loss: 'loss' } },
  lora: {
    who: ['gradbook', 'peft'],
    isFresh: true,
    ask: { work: 'lora', steps: 7 },
    shows: { ms: 'ms a step of 2 x 128 tokens', mb: 'MB at most', loss: 'loss' },
  },
  shop: {
    who: ['gradbook'],
    isFresh: true,
    isLong: true,
    ask: { work: 'shop', seconds: 300 },
    shows: {
      seconds: 's of tuning',
      iterations: 'iterations',
      heldOut: '% of 60 held-out paraphrases right',
      dialogues: '% of 20 held-out dialogues right',
      controls: '% of 40 control questions right',
    },
  },
  bpe: {
    who: ['gradbook', 'tokenizers'],
    isFresh: true,
    needs: 'text',
    ask: { work: 'bpe' },
    shows: { seconds: 's for 8,192 tokens', encoding: 's to encode' },
  },
}

async function race(work, options, { start }) {
  const { who, ask, isFresh, shows } = works[work]
  const running = {}
  const open = (name) => start(name, work, options)
  const answers = Object.fromEntries(who.map((name) => [name, []]))
  const out = new Set()
  for (let round = 1; round <= options.rounds; round++)
    for (const name of who) {
      if (out.has(name)) continue
      console.error(`${work}, round ${round} of ${options.rounds}: ${name}`)
      try {
        running[name] ??= await open(name)
        const asked = ask
          ? { ...ask, settings: options.settings }
          : { work: 'train', iterations: options.iterations, seed: round }
        answers[name].push(await running[name].ask(asked))
      } catch (error) {
        console.error(`${work}: ${name} is left out: ${error.message}`)
        out.add(name)
      }
      if (isFresh || out.has(name)) {
        running[name]?.stop()
        delete running[name]
      }
    }
  for (const contestant of Object.values(running)) contestant.stop()
  return who
    .filter((name) => answers[name].length > 0)
    .flatMap((name) =>
      Object.entries(shows).map(([key, unit]) => [
        work,
        name,
        summary(answers[name].map((answer) => answer[key])),
        unit,
      ]),
    )
}

export async function bench(args) {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '5' },
      works: {
        type: 'string',
        default: Object.keys(works)
          .filter((name) => !works[name].isLong)
          .join(),
      },
      settings: { type: 'string', default: '{}' },
      python: { type: 'string', default: process.env.GRADBOOK_PYTHON ?? 'python3' },
      threads: { type: 'string', default: '2' },
      gguf: { type: 'string' },
      text: { type: 'string' },
      iterations: { type: 'string', default: '2000' },
    },
  })
  const chosen = values.works.split(',')
  const unknown = chosen.filter((name) => !Object.hasOwn(works, name))
  if (unknown.length > 0) {
    console.error(`--works: received ${unknown}. Expected some of ${Object.keys(works)}.`)
    return 1
  }
  const { pathOf, published } = await import('../../dist/src/store/cache.js')
  const gguf = values.gguf ?? pathOf(published.smollm2)
  const options = {
    ...values,
    gguf,
    rounds: Number(values.rounds),
    iterations: Number(values.iterations),
    settings: JSON.parse(values.settings),
  }
  const door = await import('./contestants.mjs')
  const rows = []
  for (const work of chosen) {
    const file = works[work].needs ? options.text : gguf
    if (file === undefined || !existsSync(file))
      console.error(`${work} is left out: ${file ? `there is no ${file}` : 'it needs --text FILE'}.`)
    else rows.push(...(await race(work, options, door)))
  }
  console.log(table(['work', 'who', 'median (middle half)', 'unit'], rows))
  return 0
}
