import { describe, InputError } from '../../errors.js'
import { maybeHost, type Display } from '../../host.js'
import { whileWaiting } from '../../settle.js'
import { named } from '../../suggest.js'
import type { ChatView } from '../../views.js'
import { encodeChat, type ChatMessage } from '../chat/template.js'
import { turnEnd } from '../chat/turn-end.js'
import { checkTokenizer } from '../generation/arguments.js'
import { write, type Piece } from '../generation/generate.js'
import { checkSampling, sampleNames, type SampleOptions } from '../generation/sample.js'
import { tokenLosses, type TokenLosses } from '../generation/token-losses.js'
import { chatMl } from '../conversations/rendered.js'
import { Gpt } from '../models/gpt.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import { Answer } from './answer.js'
import type { PreferencePair } from '../objectives/preferences.js'
import { pairsOf } from './pairs.js'
import { messageOf, TurnTree, type AnswerEnd, type Turn } from './tree.js'

/** How answers are drawn. Default: temperature 0.7, top-p 0.95. */
export interface ChatSettings extends SampleOptions {
  /** The most tokens of an answer. Default: 256. `tokens: 60` */
  tokens?: number
  /** The same seed gives the same answers to the same turns. Default: others each time. `seed: 1` */
  seed?: number
}

export interface ChatOptions extends ChatSettings {
  /** That of the model. Default: the one that came with it. `tokenizer` */
  tokenizer?: Tokenizer
  /** In Jinja, as for `applyChatTemplate`. Default: the one that came with the model, or ChatML where the tokenizer has its tokens. `template` */
  template?: string
  /** What stands before the conversation. Default: what the template says. `system: 'You answer in one sentence.'` */
  system?: string
  /** Turns to go on from. Default: none. `messages: [{ role: 'user', content: 'Hello' }, { role: 'assistant', content: 'Hi!' }]` */
  messages?: readonly ChatMessage[]
  /** What else the template reads. Default: none. `variables: { enable_thinking: false }` */
  variables?: { readonly [name: string]: unknown }
  /** Whether a notebook shows each answer while it is written. Default: true. `show: false` */
  show?: boolean
}

export interface AskOptions extends ChatSettings {
  /** Ends the answer where it is, and keeps that. Default: none. `signal: AbortSignal.timeout(5000)` */
  signal?: AbortSignal
  /** Whether a notebook shows the answer while it is written. Default: as the conversation does. `show: false` */
  show?: boolean
}

/** What `loadModel` and `smolLM2` give. */
export interface ChatModel {
  model: Gpt
  tokenizer?: Tokenizer | undefined
  template?: string | undefined
}

const settingNames = [...sampleNames, 'tokens', 'seed'] as const
const usual = { temperature: 0.7, topP: 0.95, tokens: 256 }

/**
 * A conversation with a model: made by `chat`. Its turns are a tree: `again` and `edit` begin another branch beside what was said,
 * and `goTo` goes back to one.
 */
export class Chat implements ChatView {
  readonly kind = 'chat'
  readonly model: Gpt
  readonly tokenizer: Tokenizer
  readonly template: string
  readonly system: string | undefined
  readonly #tree = new TurnTree()
  readonly #variables: ChatOptions['variables']
  readonly #show: boolean
  readonly #listeners = new Set<() => void>()
  #settings: ChatSettings
  #end: Promise<string | undefined> | undefined
  #answering = false
  /** A question that Stop left without an answer. */
  #unanswered: number | undefined

  constructor(given: ChatModel, options: Omit<ChatOptions, 'tokenizer' | 'template'>) {
    const { system, messages = [], variables, show = true, ...settings } = options
    this.model = given.model
    this.tokenizer = given.tokenizer!
    this.template = given.template!
    this.system = system
    this.#variables = variables
    this.#show = show
    this.#settings = checkSettings({ ...usual, ...settings }, 'chat(model, options)')
    for (const { role, content } of messages)
      this.#tree.leaf = this.#tree.add({ role, content, parent: this.#tree.leaf }).id
  }

  /** The turns of the line that stands, the first first. */
  get turns(): readonly Turn[] {
    return this.#tree.lineTo(this.#tree.leaf)
  }

  /** Whether an answer is being written. */
  get live(): boolean {
    return this.#answering
  }

  /** The turns that led to one, the first first. */
  before({ parent }: Turn): readonly Turn[] {
    return this.#tree.lineTo(parent)
  }

  /** All turns, those of other branches too, in the order in which they came; a turn's id is its place here. */
  get tree(): readonly Turn[] {
    return this.#tree.all
  }

  /** The line that stands as messages, the system's first: what `applyChatTemplate` and `conversations` take. */
  get messages(): readonly ChatMessage[] {
    return [...this.#before, ...this.turns.map(messageOf)]
  }

  get #before(): ChatMessage[] {
    return this.system === undefined ? [] : [{ role: 'system', content: this.system }]
  }

  /** How the next answers are drawn. */
  get settings(): Readonly<ChatSettings> {
    return this.#settings
  }

  /** Pairs of answers of which a person said which is better: by `rate`, or by writing a better one. `dpo` learns from them. */
  get preferences(): readonly PreferencePair[] {
    return pairsOf(this.#tree, this.#before)
  }

  /**
   * Changes how the next answers are drawn.
   *
   * @throws InputError for a setting that does not fit.
   * @example chat.set({ temperature: 0 })
   */
  set(settings: ChatSettings): this {
    const where = 'chat.set(settings)'
    this.#settings = checkSettings({ ...this.#settings, ...named(settings, settingNames, where) }, where)
    return this
  }

  /**
   * Says something, and gives the answer when it is written. A notebook shows it while it is. Stop ends it, and keeps what is there.
   * Where nothing is there yet the question stands alone: `again` answers it, and what is said next takes its place.
   *
   * @throws InputError where an answer is being written, and for a text that has no room in the context.
   * @example const { text } = await chat.ask('Where is my parcel?')
   */
  async ask(text: string, options?: AskOptions): Promise<Answer> {
    return this.#shown(this.stream(text, options), options)
  }

  /**
   * Says something, and gives the answer piece by piece.
   *
   * @example for await (const text of chat.stream('Hello!')) process.stdout.write(text)
   */
  stream(text: string, options?: AskOptions): AsyncGenerator<string, Answer> {
    const { leaf } = this.#tree
    // Templates know no two questions in a row.
    const after = leaf !== undefined && leaf === this.#unanswered ? this.turns.at(-1)!.parent : leaf
    return this.#said(text, after, options, 'chat.ask(text)')
  }

  /**
   * As `again` and `edit`, piece by piece: another answer to a question, or to another text in its place.
   *
   * @param id of the question; default: the last.
   * @example for await (const text of chat.streamAgain('Where is it?')) process.stdout.write(text)
   */
  streamAgain(text?: string, options?: AskOptions, id?: number): AsyncGenerator<string, Answer> {
    const where = 'chat.streamAgain(text)'
    const question =
      id === undefined ? this.turns.findLast(({ role }) => role === 'user') : this.#tree.at(id, where)
    if (!question)
      throw new InputError({
        where,
        received: 'a conversation without a question',
        expected: 'one that was begun',
        fix: "await chat.ask('…').",
      })
    return text === undefined
      ? this.#answered(question.parent, question, options, where)
      : this.#said(text, question.parent, options, where)
  }

  /**
   * Another answer to the last question, beside the one that was given.
   *
   * @example await chat.again({ temperature: 1 })
   */
  async again(options?: AskOptions): Promise<Answer> {
    return this.#shown(this.streamAgain(undefined, options), options)
  }

  /**
   * Another text in place of a turn, and on from there; what was said stays as another branch. Of a question: it is answered.
   * Of an answer: the text stands in its place, as the better one of the two.
   *
   * @param id of the turn; `chat.turns` has them.
   * @example await chat.edit(chat.turns[0]!.id, 'Where is my second parcel?')
   */
  async edit(id: number, text: string, options?: AskOptions): Promise<Answer> {
    const where = 'chat.edit(id, text)'
    const turn = this.#tree.at(id, where)
    if (turn.role !== 'assistant') return this.#shown(this.streamAgain(text, options, id), options)
    checkSaid(text, where)
    this.#checkFree(where)
    const better = this.#tree.add({ role: 'assistant', content: text, parent: turn.parent, end: 'written' })
    this.#tree.leaf = better.id
    turn.rating ??= 'down'
    better.rating = 'up'
    this.#tell()
    return new Answer(this, better)
  }

  /**
   * Goes to the newest line through a turn, as it was said.
   *
   * @example chat.goTo(1)
   */
  goTo(id: number): this {
    this.#checkFree('chat.goTo(id)')
    this.#tree.leaf = this.#tree.newestFrom(this.#tree.at(id, 'chat.goTo(id)').id)
    this.#tell()
    return this
  }

  /**
   * Says that an answer is good or bad; twice the same takes it back. Of answers to the same question, each good one is preferred
   * to each bad one: `chat.preferences`.
   *
   * @param id of the answer; default: the last.
   * @example chat.rate('up')
   */
  rate(rating: 'up' | 'down', id?: number): this {
    const where = 'chat.rate(rating, id)'
    if (rating !== 'up' && rating !== 'down')
      throw new InputError({ where, received: describe(rating), expected: "'up' or 'down'" })
    const turn =
      id === undefined ? this.turns.findLast(({ role }) => role === 'assistant') : this.#tree.at(id, where)
    if (turn?.role !== 'assistant')
      throw new InputError({
        where,
        received: turn ? `turn ${turn.id} of ${turn.role}` : 'a conversation without an answer',
        expected: 'an answer',
      })
    const own = this.#tree.at(turn.id, where)
    if (own.rating === rating) delete own.rating
    else own.rating = rating
    this.#tell()
    return this
  }

  /**
   * The tokens of an answer with their losses and the five best guesses in the place of each, read once more: before temperature
   * and all that narrows the choice. As the last expression of a cell the answer, coloured by them.
   *
   * @param id of the answer; default: the last.
   * @example await chat.tokens()
   */
  async tokens(id?: number): Promise<TokenLosses> {
    const where = 'chat.tokens(id)'
    const turn =
      id === undefined ? this.turns.findLast(({ role }) => role === 'assistant') : this.#tree.at(id, where)
    if (turn?.role !== 'assistant' || turn.content === '')
      throw new InputError({ where, received: 'no answer', expected: 'an answer' })
    const { ids } = await this.#prompt(turn.parent, 0, where)
    const answer = this.tokenizer.encode(turn.content)
    const whole = Int32Array.from([...ids, ...answer])
    const told = await tokenLosses(this.model, this.tokenizer, whole, { best: 5 })
    return Object.defineProperty(told.slice(-answer.length), 'kind', {
      value: 'tokens',
    }) as unknown as TokenLosses
  }

  /** Calls `listener` whenever the conversation changes. Returns how to stop listening. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** As JSON: the line that stands, as `{ messages }`, which `conversations` and other libraries read. */
  toJSON(): { messages: readonly ChatMessage[] } {
    return { messages: this.messages }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  #checkFree(where: string): void {
    if (this.#answering)
      throw new InputError({
        where,
        received: 'another call while an answer is being written',
        expected: 'one at a time',
        fix: 'Await the one before, or end it by Stop or its signal.',
      })
  }

  /** Lets a notebook see an answer while it is written. */
  async #shown(
    writing: AsyncGenerator<string, Answer>,
    { show = this.#show }: AskOptions = {},
  ): Promise<Answer> {
    const host = show ? maybeHost() : undefined
    let shown: Display | undefined
    let last = -Infinity
    for (;;) {
      const { done, value } = await writing.next()
      if (done) {
        if (host?.kind !== 'notebook') return value
        if (shown) shown.update(value)
        else host.display(value)
        return value.asShown()
      }
      if (host?.kind !== 'notebook' || performance.now() - last < 200) continue
      last = performance.now()
      const answer = new Answer(this, this.turns.at(-1)!)
      if (shown) shown.update(answer)
      else shown = host.display(answer)
    }
  }

  async *#said(
    text: string,
    parent: number | undefined,
    options: AskOptions | undefined,
    where: string,
  ): AsyncGenerator<string, Answer> {
    checkSaid(text, where)
    return yield* this.#answered(parent, text, options, where)
  }

  /** @param question a turn that stands already, or the text of one that stands from the answer's first piece on. */
  async *#answered(
    parent: number | undefined,
    question: Turn | string,
    given: AskOptions = {},
    where: string,
  ): AsyncGenerator<string, Answer> {
    const { signal, show: _, ...more } = named(given, [...settingNames, 'signal', 'show'], where)
    const settings = checkSettings({ ...this.#settings, ...more }, where)
    this.#checkFree(where)
    this.#answering = true
    let begun: Parameters<TurnTree['drop']>[0] | undefined
    const free = () => {
      this.#answering = false
      if (begun?.end !== 'stopped' || begun.content !== '') return
      this.#unanswered = begun.parent
      this.#tree.drop(begun)
    }
    const isOver = whileWaiting(free)
    try {
      const asked = typeof question === 'string' ? { role: 'user', content: question, parent } : question
      const most = settings.tokens ?? usual.tokens
      const { ids, left } = await this.#prompt(parent, most, where, messageOf(asked as Turn))
      const stop = await (this.#end ??= turnEnd(this.tokenizer, this.template, this.#templateOptions))
      const { tokens: __, seed, ...sampling } = settings
      const tokens = Math.max(1, Math.min(most, this.model.config.context - ids.length))
      const turn = typeof question === 'string' ? this.#tree.add(asked as Omit<Turn, 'id'>) : question
      const answer = this.#tree.add({
        role: 'assistant',
        content: '',
        parent: turn.id,
        end: 'stopped',
        ...(left > 0 && { left }),
      })
      begun = answer
      this.#tree.leaf = answer.id
      this.#tell()
      const pieces = write(this.model, this.tokenizer, [ids], {
        ...sampling,
        tokens,
        // Another one a turn: the same question asked twice is not answered alike to the letter.
        seed: seed === undefined ? Math.random() : seed + answer.id * 7919,
        ...(stop !== undefined && { stop }),
      })
      const end = yield* this.#taken(pieces, answer, tokens, signal)
      answer.end = end
      return new Answer(this, answer)
    } finally {
      if (isOver()) free()
      this.#tell()
    }
  }

  async *#taken(
    pieces: AsyncGenerator<Piece & { ended?: boolean }>,
    answer: { content: string },
    tokens: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<string, AnswerEnd> {
    let count = 0
    let ended = false
    if (signal?.aborted) return 'stopped'
    for await (const piece of pieces) {
      if (signal?.aborted) return 'stopped'
      count++
      ended = piece.ended === true
      // Templates take away what stands around an answer, and put it there anew.
      const text = answer.content === '' ? piece.text.trimStart() : piece.text
      answer.content += text
      if (text !== '') {
        this.#tell()
        yield text
      }
      if (signal?.aborted) return 'stopped'
    }
    return ended || count < tokens ? 'turn' : 'tokens'
  }

  get #templateOptions() {
    return this.#variables && { variables: this.#variables }
  }

  /** The tokens of the line up to a turn and what is said then; of turns that have no room the first are left out. */
  async #prompt(
    parent: number | undefined,
    most: number,
    where: string,
    said?: ChatMessage,
  ): Promise<{ ids: Int32Array; left: number }> {
    const line = this.#tree.lineTo(parent).map(messageOf)
    const { context } = this.model.config
    // An answer has at least a quarter of the context.
    const room = context - Math.min(most, Math.floor(context / 4))
    for (let left = 0; ; left += 1) {
      // What is left out ends with an answer: a conversation begins with a question.
      if (left > 0 && left < line.length && line[left]!.role === 'assistant') continue
      const kept = [...this.#before, ...line.slice(left), ...(said ? [said] : [])]
      const ids = await encodeChat(this.tokenizer, this.template, kept, {
        ...this.#templateOptions,
        addGenerationPrompt: true,
      })
      if (ids.length <= room || (most === 0 && left >= line.length - 1)) return { ids, left }
      if (left >= line.length)
        throw new InputError({
          where,
          received: `a question of ${ids.length} tokens, with the system's words and what the template adds`,
          expected: `at most ${room} of the ${context} of the context, so that there is room for an answer`,
          fix: 'Shorten it, or open the model with a larger context.',
        })
    }
  }

  toString(): string {
    return this.messages.map(({ role, content }) => `${role}: ${content}`).join('\n')
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }
}

/** ChatML, where the tokenizer has its tokens: what `conversations` writes where no template is given. */
const chatMlFor = (tokenizer: Tokenizer | undefined): string | undefined =>
  ['<|im_start|>', '<|im_end|>'].every((text) => Object.hasOwn(tokenizer?.special ?? {}, text))
    ? chatMl
    : undefined

function checkSaid(text: unknown, where: string): asserts text is string {
  if (typeof text === 'string' && text.trim() !== '') return
  throw new InputError({ where, received: describe(text), expected: 'a text that says something' })
}

function checkSettings(settings: ChatSettings, where: string): ChatSettings {
  const { tokens, seed } = settings
  checkSampling(settings, where)
  if (tokens !== undefined && !(Number.isInteger(tokens) && tokens >= 1))
    throw new InputError({
      where: `${where}: tokens`,
      received: describe(tokens),
      expected: 'a whole number, at least 1',
    })
  if (seed !== undefined && !Number.isFinite(seed))
    throw new InputError({ where: `${where}: seed`, received: describe(seed), expected: 'a finite number' })
  return settings
}

/**
 * A conversation with a model.
 *
 *     const talk = chat(await smolLM2(), { system: 'You answer in one sentence.' })
 *     await talk.ask('What is a parcel?')
 *
 * A notebook shows each answer while it is written, and the whole conversation for `talk` as the last expression of a cell;
 * `chatBox(talk)` of `gradbook/widgets` is one with a field to write in. What a message has in it is text, whatever it looks like:
 * nobody ends a turn or speaks as the system by writing so.
 *
 * @param model what `smolLM2` and `loadModel` give; or a model of `gpt`, of a run, with `{ tokenizer, template }`.
 * @throws InputError where tokenizer or template are missing or do not fit.
 */
export function chat(model: Gpt | ChatModel, options: ChatOptions = {}): Chat {
  const where = 'chat(model, options)'
  const { tokenizer, template, ...rest } = named(
    options,
    [...settingNames, 'tokenizer', 'template', 'system', 'messages', 'variables', 'show'],
    where,
  )
  const given = model instanceof Gpt ? { model } : ((model ?? {}) as ChatModel)
  const whole = {
    model: given.model,
    tokenizer: tokenizer ?? given.tokenizer,
    template: template ?? given.template ?? chatMlFor(tokenizer ?? given.tokenizer),
  }
  if (!(whole.model instanceof Gpt))
    throw new InputError({
      where,
      received: describe(model),
      expected: 'a model that writes, or what smolLM2() and loadModel(folder) give',
      fix: model instanceof Promise ? 'Await it: chat(await smolLM2()).' : undefined,
    })
  if (!whole.tokenizer)
    throw new InputError({
      where,
      received: 'no tokenizer',
      expected: 'the one that the model was trained with',
      fix: 'chat(model, { tokenizer, template }).',
    })
  checkTokenizer(whole.model, whole.tokenizer, where)
  if (typeof whole.template !== 'string' || whole.template === '')
    throw new InputError({
      where,
      received: `${describe(whole.template)} as template`,
      expected: 'the template of the conversations that the model was taught with, in Jinja',
      fix: 'chat(model, { tokenizer, template }).',
    })
  if (rest.system !== undefined) checkSaid(rest.system, `${where}: system`)
  return new Chat(whole, rest)
}
