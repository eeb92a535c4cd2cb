// gradbook as a contestant: ours.mjs OPTIONS. A line in: what to do. A line out: what it took.
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const options = JSON.parse(process.argv[2])
// What a run says is no answer.
console.log = console.error
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`)

const { setBackendOptions } = await import('gradbook/backend')
const text = await import('gradbook/text')
setBackendOptions({ threads: Number(options.threads) })

let opened
const open = () =>
  (opened ??= text.loadModel(options.gguf, { context: 2048, activations: options.activations }))

const question = '<|im_start|>user\nTell me about the sea.<|im_end|>\n<|im_start|>assistant\n'

/** Ids of 512 tokens that any language can make again. */
const longPrompt = (tokenizer) => tokenizer.decode(Int32Array.from({ length: 512 }, (_, i) => 500 + i * 37))

/** What is tuned on: rows of tokens of which the last half is learned. */
const tuning = { rows: 2, length: 128, learned: 64 }

/** All of a training: the text read as tokens, evaluations, 500 tokens written at the end. */
async function trained(form, iterations, seed, recipe) {
  const { train } = await import('gradbook')
  const whole = readFileSync(options.text, 'utf8')
  const began = performance.now()
  const tokenizer = text.charTokenizer(whole)
  const { train: data, validation } = text.windows(whole, tokenizer, { context: 64, split: 0.9 })
  const model = text.gpt({ ...form, vocabulary: tokenizer.size, seed })
  const run = train(model, { ...recipe, data, evaluateOn: validation, evaluateEvery: 500, seed, save: false })
  await run.iterate(iterations)
  const { loss } = await run.evaluate()
  await model.generate(tokenizer, '\n', { tokens: 500, temperature: 0.8, seed: 1 })
  return { seconds: (performance.now() - began) / 1000, loss }
}

const doers = {
  async decode({ tokens }) {
    const { model, tokenizer } = await open()
    let began
    // Each token of this text is a piece: none ends within a sign.
    for await (const _ of model.stream(tokenizer, question, { tokens: tokens + 1, temperature: 0 }))
      began ??= performance.now()
    return { rate: (tokens / (performance.now() - began)) * 1000 }
  },
  async prompt() {
    const { model, tokenizer } = await open()
    const prompt = longPrompt(tokenizer)
    const began = performance.now()
    await model.generate(tokenizer, prompt, { tokens: 1, temperature: 0 })
    return { ms: performance.now() - began }
  },
  async load() {
    if (options.cold) await forgetKept()
    const before = process.memoryUsage().rss
    const began = performance.now()
    const { model, tokenizer } = await open()
    let ms
    for await (const _ of model.stream(tokenizer, question, { tokens: 64, temperature: 0 }))
      ms ??= performance.now() - began
    return { ms, mb: (process.memoryUsage().rss - before) / 1e6 }
  },
  async train({ iterations, seed }) {
    const { adamw, cosine } = await import('gradbook')
    return trained(text.presets.nanoGptCpu, iterations, seed, {
      batchSize: 12,
      optimizer: adamw({
        learningRate: 1e-3,
        beta2: 0.99,
        weightDecay: 0.1,
        groups: [{ parameters: 'vectors', weightDecay: 0 }],
      }),
      schedule: cosine({ warmup: 100, over: iterations, to: 1e-4 }),
      clipNorm: 1,
    })
  },
  async fast({ iterations, seed }) {
    const few = Math.round(iterations / 4)
    return trained(text.presets.fast, few, seed, text.fastRecipe({ iterations: few }))
  },
  async lora({ steps }) {
    const { adamw, train } = await import('gradbook')
    const { fromArrays } = await import('gradbook/data')
    const { model: base } = await text.loadModel(options.gguf, { context: 128 })
    const model = text.lora(base, { rank: 8 })
    const { rows, length, learned } = tuning
    // The last half of each row is learned, as an answer is.
    const x = Int32Array.from({ length: rows * length }, (_, i) => 500 + ((i * 37) % 4000))
    const y = x.map((_, i) => (i % length < learned ? -1 : 500 + (((i + 1) * 37) % 4000)))
    const places = Int32Array.from({ length: rows * learned }, (_, i) => learned + (i % learned))
    const data = fromArrays(
      { x, y, learned: places },
      { shape: [length], yShape: [length], shapes: { learned: [learned] } },
    )
    const run = train(model, {
      data,
      batchSize: rows,
      optimizer: adamw({ learningRate: 2e-4 }),
      seed: 1,
      save: false,
      progress: false,
    })
    await run.iterate(2)
    const times = []
    for (let step = 0; step < steps; step++) {
      const began = performance.now()
      await run.iterate(1)
      times.push(performance.now() - began)
    }
    return {
      ms: times.toSorted((a, b) => a - b)[Math.floor(steps / 2)],
      mb: process.resourceUsage().maxRSS / 1e3,
      loss: run.history.at(-1).loss,
    }
  },
  async shop({ seconds, settings }) {
    const { adamw, cosine, train } = await import('gradbook')
    const {
      learningRate = 1e-3,
      rank = 8,
      alpha = 2 * rank,
      batchSize = 2,
      context = 128,
      over = 300,
      ...more
    } = settings
    const { conversations, heldOut, dialogues, controls } = await text.shop()
    const { model: base, tokenizer, template } = await text.loadModel(options.gguf, { context: 256 })
    const { train: data } = text.conversations(conversations, tokenizer, { context, template, split: 1 })
    const model = text.lora(base, { rank, alpha, ...more, seed: 1 })
    const run = train(model, {
      data,
      batchSize,
      optimizer: adamw({ learningRate, weightDecay: 0 }),
      schedule: cosine({ warmup: 10, over, to: learningRate / 20 }),
      clipNorm: 1,
      seed: 1,
      save: false,
      progress: false,
    })
    const began = performance.now()
    while (performance.now() - began < 1000 * seconds && run.iteration < over) await run.iterate(1)
    const spent = (performance.now() - began) / 1000
    const right = async (questions) => {
      let count = 0
      for (let from = 0; from < questions.length; from += 20) {
        const some = questions.slice(from, from + 20)
        const prompts = []
        for (const { messages } of some)
          prompts.push(await text.encodeChat(tokenizer, template, messages, { addGenerationPrompt: true }))
        const whole = await model.generate(tokenizer, prompts, {
          tokens: 48,
          temperature: 0,
          stop: '<|im_end|>',
        })
        for (const [i, { contains, pattern }] of some.entries()) {
          const answer = whole[i].slice(whole[i].lastIndexOf('assistant\n') + 10)
          const isRight = contains
            ? contains.every((part) => answer.includes(part))
            : new RegExp(pattern, 'i').test(answer)
          if (isRight) count++
          else console.error(JSON.stringify([some[i].messages.at(-1).content, answer]))
        }
      }
      return (100 * count) / questions.length
    }
    return {
      seconds: spent,
      iterations: run.iteration,
      heldOut: await right(heldOut),
      dialogues: await right(dialogues),
      controls: await right(controls),
    }
  },
  async bpe() {
    const whole = readFileSync(options.text, 'utf8').slice(0, 10_000_000)
    let began = performance.now()
    const tokenizer = await text.trainBpe(whole, { vocabulary: 8192 })
    const seconds = (performance.now() - began) / 1000
    began = performance.now()
    tokenizer.encode(whole)
    return { seconds, encoding: (performance.now() - began) / 1000 }
  },
}

/** What earlier processes kept of the file. */
async function forgetKept() {
  const { cacheFolder } = await import('../../dist/src/store/cache.js')
  rmSync(join(cacheFolder(), 'opened'), { recursive: true, force: true })
}

// The libraries are there before a model is: as llama.cpp's is imported, ONNX Runtime has computed something.
const tf = await import('@tensorflow/tfjs')
tf.tidy(() => tf.matMul(tf.ones([64, 64]), tf.ones([64, 64])).dataSync())
// Who is asked how long loading takes has loaded nothing.
if (options.first === 'decode' || options.first === 'prompt') {
  const { model, tokenizer } = await open()
  await model.generate(tokenizer, question, { tokens: 4, temperature: 0 })
}
say({})
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line)
  say(await doers[options.recipe ?? asked.work](asked))
}
