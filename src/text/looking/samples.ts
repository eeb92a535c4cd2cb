import { describe, InputError } from '../../errors.js'
import { maybeHost, type CellInfo, type Display } from '../../host.js'
import { named } from '../../suggest.js'
import type { EvaluationRow, Note, SampleRow, SamplesView } from '../../views.js'
import { generate, type GenerateOptions } from '../generation/generate.js'
import { checkTokenizer } from '../generation/arguments.js'
import { checkSampling, sampleNames } from '../generation/sample.js'
import type { Gpt } from '../models/gpt.js'
import { checkText, type Tokenizer } from '../tokenizers/tokenizer.js'

export interface SamplesOptions extends Omit<GenerateOptions, 'seed'> {
  /** Of what is drawn: the same at each evaluation, so that what changes is the model. Default: 1. `seed: 7` */
  seed?: number
  /**
   * The text that is learned from: each sample then says which share of what it wrote are words of it. Default: not counted.
   * `words: text`
   */
  words?: string
  /** Whether they are shown while a cell trains. Default: true. `show: false` */
  show?: boolean
}

/** What a model writes at each evaluation, read like data; as the last expression of a cell, evaluation below evaluation. */
export interface Samples extends SamplesView {
  /** Writes no more. */
  stop(): void
}

const where = 'samples(model, tokenizer, prompts, options)'
const writing = new WeakMap<Gpt, Set<Writer>>()

/**
 * Lets a model write from the same prompts at every evaluation of its run, beside what it wrote before: characters become
 * words become sentences. They come below the run's chart while it trains, and are kept here.
 *
 * After an `undo` the next evaluation takes the place of those that were taken back. A branch has a model of its own,
 * `samples(other.model, …)`.
 *
 * @throws InputError for a tokenizer that is not the model's, and prompts without a token.
 * @example
 * const text = 'to be or not to be '.repeat(40), tokenizer = charTokenizer(text)
 * const model = gpt({ ...presets.tiny, vocabulary: tokenizer.size })
 * const written = samples(model, tokenizer, ['to be ', 'not '], { tokens: 40, temperature: 0.8, words: text })
 */
export function samples(
  model: Gpt,
  tokenizer: Tokenizer,
  prompts: string | readonly string[],
  options: SamplesOptions = {},
): Samples {
  checkTokenizer(model, tokenizer, where)
  const { seed = 1, words, show = true, ...rest } = options
  const all = [prompts].flat()
  if (all.length === 0 || all.some((prompt) => typeof prompt !== 'string' || prompt === ''))
    throw new InputError({
      where,
      received: `${describe(prompts)} as prompts`,
      expected: 'texts to go on from',
      fix: "A line's end is a neutral one: samples(model, tokenizer, ['\\n']).",
    })
  checkSampling(named(rest, [...sampleNames, 'tokens', 'stop'], where), where)
  if (words !== undefined) checkText(words, `${where}, { words }`)
  // Now, not at the first evaluation, which may be minutes away.
  for (const prompt of all) tokenizer.encode(prompt, { special: true })
  const writer = new Writer(model, tokenizer, all, { ...rest, seed }, words, show)
  if (!writing.has(model)) writing.set(model, new Set())
  writing.get(model)!.add(writer)
  return writer.samples
}

/** What is kept of samples with a run. */
export type SampleNote = Omit<SampleRow, 'iteration'> & { readonly prompts: readonly string[] }

/**
 * What a GPT does after an evaluation.
 *
 * @param notes of the evaluations before it, also those of another process that trained the run.
 */
export async function writeSamples(
  model: Gpt,
  row: EvaluationRow,
  pause: () => Promise<void>,
  notes: readonly Note[],
): Promise<{ samples: readonly SampleNote[] } | undefined> {
  const written: SampleNote[] = []
  for (const writer of writing.get(model) ?? []) {
    await pause()
    const { iteration: _, ...sample } = await writer.write(row, pause, notes)
    written.push({ prompts: writer.samples.prompts, ...sample })
  }
  return written.length > 0 ? { samples: written } : undefined
}

/**
 * What a run's model wrote at its evaluations, as `samples` let it: kept with the run, and on disk, so also of one that was loaded. As the
 * last expression of a cell, evaluation below evaluation.
 *
 * @param prompts those of which samples; default: those that were written from last.
 * @throws InputError where nothing was written from them.
 * @example samplesOf(run)
 */
export function samplesOf(
  run: { readonly notes: readonly Note[] },
  prompts?: string | readonly string[],
): SamplesView {
  const all = run.notes.flatMap(({ samples: notes }) => (Array.isArray(notes) ? (notes as SampleNote[]) : []))
  const asked = prompts === undefined ? all.at(-1)?.prompts : [prompts].flat()
  const rows = asked ? rowsIn(run.notes, asked) : []
  if (asked && rows.length > 0) return { kind: 'samples', prompts: asked, rows }
  throw new InputError({
    where: 'samplesOf(run)',
    received:
      all.length === 0 ? 'a run whose model wrote nothing at evaluations' : `the prompts ${describe(asked)}`,
    expected:
      all.length === 0
        ? 'one that was evaluated while `samples` let its model write'
        : `those of samples that were written, e.g. ${describe(all.at(-1)!.prompts)}`,
    fix: 'samples(model, tokenizer, prompts) lets it write from then on.',
  })
}

/** The samples of these prompts that notes have. */
function rowsIn(notes: readonly Note[], prompts: readonly string[]): SampleRow[] {
  const key = JSON.stringify(prompts)
  return notes.flatMap(({ iteration, samples: found }) =>
    (Array.isArray(found) ? (found as SampleNote[]) : [])
      .filter((note) => JSON.stringify(note.prompts) === key)
      .map(({ prompts: _, ...row }) => ({ iteration, ...row })),
  )
}

/** Letters with what stands within a word. */
const wordPattern = /\p{L}+(?:['’-]\p{L}+)*/gu

/**
 * The words of a text, in lower case.
 *
 * @example wordsOf("It's a sub-word")   // ["it's", 'a', 'sub-word']
 */
export const wordsOf = (text: string): string[] =>
  Array.from(text.matchAll(wordPattern), ([word]) => word.toLowerCase())

class Writer {
  readonly samples: Samples
  readonly #model: Gpt
  readonly #tokenizer: Tokenizer
  readonly #options: GenerateOptions
  readonly #known: ReadonlySet<string> | undefined
  readonly #show: boolean
  #rows: SampleRow[] = []
  #shown: { display: Display; cell: CellInfo | undefined } | undefined

  constructor(
    model: Gpt,
    tokenizer: Tokenizer,
    prompts: readonly string[],
    options: GenerateOptions,
    words: string | undefined,
    show: boolean,
  ) {
    this.#model = model
    this.#tokenizer = tokenizer
    this.#options = options
    this.#known = words === undefined ? undefined : new Set(wordsOf(words))
    this.#show = show
    const rows = () => this.#rows
    this.samples = {
      kind: 'samples',
      prompts,
      get rows() {
        return rows()
      },
      stop: () => void writing.get(model)?.delete(this),
    }
  }

  async write(
    { iteration, loss }: EvaluationRow,
    pause: () => Promise<void>,
    notes: readonly Note[],
  ): Promise<SampleRow> {
    const { prompts } = this.samples
    // A run that was loaded brings what it wrote before.
    if (this.#rows.length === 0) this.#rows = rowsIn(notes, prompts)
    let whole: readonly string[]
    try {
      whole = [await generate(this.#model, this.#tokenizer, prompts, this.#options)].flat()
    } catch (error) {
      // Stop is the run's to tell: at a whole iteration.
      await pause()
      throw error
    }
    const texts = whole.map((text, i) => text.slice(prompts[i]!.length))
    const row: SampleRow = { iteration, loss, texts, ...(this.#known && { words: this.#share(whole) }) }
    this.#rows = [...this.#rows.filter((one) => one.iteration < iteration), row]
    this.#tell()
    return row
  }

  /**
   * Of the words that were written, the share that the text has too. One that the end cut off is none, and those of one or two
   * letters come by chance.
   */
  #share(whole: readonly string[]): number {
    const written = whole.flatMap((text, i) => {
      const found = wordsOf(text.slice(this.samples.prompts[i]!.length))
      return (/\p{L}$/u.test(text) ? found.slice(0, -1) : found).filter((word) => word.length > 2)
    })
    const real = written.filter((word) => this.#known!.has(word)).length
    return written.length > 0 ? real / written.length : 0
  }

  #tell(): void {
    const host = maybeHost()
    if (!host || !this.#show || host.kind === 'silent') return
    const { cell } = host
    if (host.kind === 'terminal') return void host.display({ ...this.samples, rows: this.#rows.slice(-1) })
    if (this.#shown && this.#shown.cell?.number === cell?.number) this.#shown.display.update(this.samples)
    else this.#shown = { display: host.display(this.samples), cell }
  }
}
