/** `gradbook chat`: a conversation with a model in a terminal, or by lines from a pipe. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { GradbookError, InputError } from '../../src/errors.js'
import { cleanText } from '../../src/show/clean.js'
import type { Answer, Chat, ChatModel, ChatOptions, ChatSettings } from '../../src/text/index.js'

export interface ChatCommandOptions {
  system?: string
  template?: string
  temperature?: string
  topP?: string
  topK?: string
  tokens?: string
  seed?: string
  context?: string
  int8?: boolean
}

const help = `/again            another answer
/edit TEXT        the last question, said otherwise
/good, /bad       says of the last answer what it was
/set NAME VALUE   temperature, topP, topK, minP, repetitionPenalty, tokens or seed of the next answers
/system TEXT      begins anew, with this before the conversation
/new              begins anew
/save FILE        writes the conversation to a new file, a line of JSON: { "messages": […] }
/pairs FILE       writes the answers that were said to be good and bad to a new file: lines of { prompt, chosen, rejected }
/quit             ends (also Ctrl-D)

Ctrl-C ends an answer; where none is being written it ends the program.`

const settingNames = ['temperature', 'topP', 'topK', 'minP', 'repetitionPenalty', 'tokens', 'seed'] as const

export async function chat(target: string, options: ChatCommandOptions): Promise<number> {
  const text = await import('../../src/text/index.js')
  const given = await opened(target, options, text)
  const settings = Object.fromEntries(
    settingNames.flatMap((name) => {
      const value = (options as { [name: string]: unknown })[name]
      return value === undefined ? [] : [[name, asNumber(value as string, `--${name}`)]]
    }),
  ) as ChatSettings
  const template = options.template === undefined ? undefined : readFileSync(options.template, 'utf8')
  const begin = (system: string | undefined): Chat =>
    text.chat(given, {
      ...settings,
      ...(template !== undefined && { template }),
      ...(system !== undefined && { system }),
    } satisfies ChatOptions)
  return talk(begin, options.system, String(given.model))
}

async function opened(
  target: string,
  options: ChatCommandOptions,
  { loadModel, smolLM2 }: typeof import('../../src/text/index.js'),
): Promise<ChatModel> {
  const context = options.context === undefined ? undefined : asNumber(options.context, '--context')
  const how = {
    ...(context !== undefined && { context }),
    ...(options.int8 && { activations: 'int8' as const }),
  }
  if (target === 'smollm2' && !existsSync(target)) return smolLM2(how)
  const named = join(process.env.GRADBOOK_RUNS || 'runs', target)
  if (!existsSync(target) && existsSync(join(named, 'run.json'))) return loadModel(named, how)
  if (!existsSync(target))
    throw new InputError({
      where: 'gradbook chat',
      received: `'${target}', which is not there`,
      expected: 'the folder of a run or of a model, a GGUF file, or smollm2',
      fix: '`npx gradbook fetch smollm2`, then `npx gradbook chat smollm2`.',
    })
  return loadModel(target, how)
}

function asNumber(text: string, name: string): number {
  const number = Number(text)
  if (text.trim() !== '' && Number.isFinite(number)) return number
  throw new InputError({ where: 'gradbook chat', received: `${name} '${text}'`, expected: 'a number' })
}

async function talk(
  begin: (system: string | undefined) => Chat,
  system: string | undefined,
  about: string,
): Promise<number> {
  let current = begin(system)
  const { stdin, stdout, stderr } = process
  const isTerminal = stdin.isTTY === true
  if (isTerminal) stderr.write(`${about}\n/help lists what can be done besides talking.\n`)
  const lines = createInterface({ input: stdin, ...(isTerminal && { output: stderr }), prompt: '> ' })
  let answering: AbortController | undefined
  const interrupt = () => {
    if (answering) answering.abort()
    else lines.close()
  }
  lines.on('SIGINT', interrupt)
  process.on('SIGINT', interrupt)
  let failed = 0

  async function write(asked: AsyncGenerator<string, Answer>): Promise<void> {
    let step = await asked.next()
    for (; !step.done; step = await asked.next()) {
      stdout.write(cleanText(step.value, 10_000))
      // Between two tokens keys are heard.
      await new Promise((resolve) => setImmediate(resolve))
    }
    const { end, left, text } = step.value
    stdout.write('\n')
    if (end === 'stopped') stderr.write(text === '' ? '(stopped before a word: /again)\n' : '(stopped)\n')
    if (end === 'tokens') stderr.write('(cut at the most tokens: /set tokens 500)\n')
    if (left) stderr.write(`(without the first ${left} turns, which had no room)\n`)
  }

  async function obey(line: string): Promise<'quit' | undefined> {
    const [, name = '', rest = ''] = /^\/(\w+)\s*([^]*)$/.exec(line) ?? []
    const signal = answering!.signal
    switch (name) {
      case 'help':
        stderr.write(`${help}\n`)
        return undefined
      case 'quit':
        return 'quit'
      case 'again':
        return void (await write(current.streamAgain(undefined, { signal })))
      case 'edit':
        return void (await write(current.streamAgain(rest, { signal })))
      case 'good':
      case 'bad':
        current.rate(name === 'good' ? 'up' : 'down')
        return undefined
      case 'set': {
        const [setting = '', value = ''] = rest.split(/\s+/)
        current.set({ [setting]: asNumber(value, setting) })
        return undefined
      }
      case 'system':
      case 'new':
        current = begin(name === 'system' ? rest : current.system)
        return undefined
      case 'save':
        return void save(rest, `${JSON.stringify(current)}\n`)
      case 'pairs':
        return void save(rest, current.preferences.map((pair) => `${JSON.stringify(pair)}\n`).join(''))
      default:
        throw new InputError({
          where: 'gradbook chat',
          received: `/${name}`,
          expected: 'one of the commands that /help lists',
        })
    }
  }

  function save(file: string, content: string): void {
    if (file === '')
      throw new InputError({ where: '/save', received: 'no file', expected: '/save talk.jsonl' })
    // Another's file stays as it is.
    writeFileSync(file, content, { flag: 'wx' })
    stderr.write(`${file}: written\n`)
  }

  if (isTerminal) lines.prompt()
  for await (const line of lines) {
    if (line.trim() !== '') {
      answering = new AbortController()
      try {
        if (line.startsWith('/')) {
          if ((await obey(line)) === 'quit') break
        } else await write(current.stream(line, { signal: answering.signal }))
      } catch (error) {
        if (!(error instanceof GradbookError) && (error as NodeJS.ErrnoException).code === undefined)
          throw error
        failed++
        stderr.write(`${(error as Error).message}\n`)
      }
      answering = undefined
    }
    if (isTerminal) lines.prompt()
  }
  lines.close()
  process.off('SIGINT', interrupt)
  return failed > 0 && !isTerminal ? 1 : 0
}
