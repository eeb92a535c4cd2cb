import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { adamw, train } from '../../../dist/src/index.js'
import {
  byteTokenizer,
  conversations,
  gpt,
  loadModel,
  lora,
  presets,
  saveModel,
} from '../../../dist/src/text/index.js'
import { temporaryFolder } from '../../kit/index.js'
import { answers, taughtModel } from '../../text/taught.js'

const command = join(import.meta.dirname, '../../../bin/gradbook.mjs')

/** What a conversation by a pipe says. `begun`: called with the process and what it has said so far. */
function talk(
  args: string[],
  lines: string[],
  begun?: (child: ReturnType<typeof spawn>, said: string) => void,
) {
  return new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    const child = spawn(process.execPath, [command, 'chat', ...args], { stdio: 'pipe' })
    let [out, err] = ['', '']
    child.stdout.on('data', (data) => {
      out += data
      begun?.(child, out)
    })
    child.stderr.on('data', (data) => (err += data))
    child.on('close', (code) => resolve({ code, out, err }))
    child.stdin.end(lines.map((line) => `${line}\n`).join(''))
  })
}

describe('gradbook chat', () => {
  let folder: string
  beforeAll(async () => {
    folder = join(temporaryFolder(), 'taught')
    const { model, tokenizer, template } = await taughtModel()
    saveModel(model, folder, { tokenizer, template })
  }, 300_000)

  it('answers line by line, and writes the conversation', async () => {
    const file = join(temporaryFolder(), 'talk.jsonl')
    const questions = answers.map(([question]) => question)
    const { code, out, err } = await talk(
      [folder, '--temperature', '0', '--tokens', '20'],
      [...questions.slice(0, 1), `/save ${file}`, '/new', ...questions.slice(1)],
    )
    expect({ code, out }).toEqual({ code: 0, out: answers.map(([, answer]) => `${answer}\n`).join('') })
    expect(err).toContain(`${file}: written`)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      messages: [
        { role: 'user', content: answers[0][0] },
        { role: 'assistant', content: answers[0][1] },
      ],
    })
  }, 120_000)

  it('opens the folder of a run: all weights, and adapters merged into the model that they were trained on', async () => {
    const runs = temporaryFolder()
    const { model, tokenizer, template } = await loadModel(folder)
    const talks = answers.map(([question]) => [
      { role: 'user', content: question },
      { role: 'assistant', content: 'A shop.' },
    ])
    const { train: data } = conversations(talks, tokenizer!, {
      context: 48,
      split: 1,
      packing: 'none',
      template: template!,
    })
    const options = { data, batchSize: 2, seed: 1, progress: false, save: false as const }
    const tuned = train(lora(model, { rank: 4, seed: 1 }), {
      ...options,
      optimizer: adamw({ learningRate: 2e-2 }),
      name: 'tuned',
    })
    await tuned.iterate(40)
    await tuned.save(join(runs, 'tuned'))
    const whole = train(gpt({ ...model.config, seed: 1 }), {
      ...options,
      optimizer: adamw({ learningRate: 1e-2 }),
      name: 'whole',
    })
    await whole.iterate(60)
    await whole.save(join(runs, 'whole'))
    for (const name of ['tuned', 'whole']) {
      const { code, out, err } = await talk(
        [join(runs, name), '--temperature', '0', '--tokens', '12'],
        [answers[0][0]],
      )
      // Nothing taught it how the next turn begins.
      const [said] = out.split('\n')
      expect({ name, code, said }, err).toEqual({ name, code: 0, said: 'A shop.' })
    }
  }, 300_000)

  it('edits a question, and keeps the file of somebody else', async () => {
    const file = join(temporaryFolder(), 'mine.jsonl')
    writeFileSync(file, 'mine')
    const { code, out, err } = await talk(
      [folder, '--temperature', '0'],
      [answers[0][0], `/edit ${answers[1][0]}`, `/save ${file}`, '/nothing'],
    )
    expect(out).toBe(`${answers[0][1]}\n${answers[1][1]}\n`)
    expect(readFileSync(file, 'utf8')).toBe('mine')
    expect(err).toMatch(/EEXIST/)
    expect(err).toMatch(/one of the commands that \/help lists/)
    expect(code).toBe(1)
  }, 120_000)

  it('ends an answer at Ctrl-C, and goes on', async () => {
    const endless = join(temporaryFolder(), 'endless')
    const tokenizer = byteTokenizer()
    saveModel(gpt({ ...presets.tiny, context: 2048, vocabulary: tokenizer.size }), endless, {
      tokenizer,
      template: "{% for message in messages %}{{ message.content + '\n' }}{% endfor %}",
    })
    let interrupted = false
    const { code, err } = await talk(
      [endless, '--tokens', '1500'],
      ['Go on!', '/good', '/again'],
      (child, said) => {
        if (interrupted || said.length < 10) return
        interrupted = true
        child.kill('SIGINT')
        // The second answer, too.
        setTimeout(() => child.kill('SIGINT'), 3000)
      },
    )
    expect(err).toMatch(/\(stopped\)/)
    expect(code).toBe(0)
  }, 120_000)

  it.each([
    [['nothing/there'], /which is not there.*npx gradbook fetch smollm2/s],
    [['.', '--temperature', 'warm'], /--temperature 'warm'|config\.json/],
  ])(
    '%j is refused',
    async (args, message) => {
      const { code, err } = await talk(args, ['Hello'])
      expect(code).toBe(1)
      expect(err).toMatch(message)
      expect(err).not.toMatch(/ at .*\.js:/)
      expect(existsSync('nothing')).toBe(false)
    },
    240_000,
  )
})
