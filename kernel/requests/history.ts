/** `history_request`: what was run in this session. */
import type { Handler } from './handler.js'

interface Entry {
  line: number
  input: string
}

/** A shell pattern as `history_request` has it: `*` any text, `?` any character, `[ab]` one of these. */
function toPattern(glob: string): RegExp {
  const source = glob.replace(/\[!?\]?[^\]]*\]|[*?]|[.+^${}()|[\]\\]/g, (part) => {
    if (part === '*') return '[^]*'
    if (part === '?') return '[^]'
    if (part.length === 1) return `\\${part}`
    const negated = part.startsWith('[!')
    const members = part.slice(negated ? 2 : 1, -1).replace(/[\]\\^]/g, '\\$&')
    return `[${negated ? '^' : ''}${members}]`
  })
  return new RegExp(`^${source}$`)
}

export class History {
  readonly #entries: Entry[] = []

  add(line: number, input: string): void {
    if (input.trim() !== '') this.#entries.push({ line, input })
  }

  tail(n: number): Entry[] {
    return n <= 0 ? [] : this.#entries.slice(-n)
  }

  /** Lines from `start` up to, not including, `stop`. */
  range(start: number, stop: number | undefined): Entry[] {
    return this.#entries.filter(({ line }) => line >= start && (stop === undefined || line < stop))
  }

  /** The last `n` whose input matches; with `unique` the last of each input. */
  search(pattern: string, n: number | undefined, unique: boolean): Entry[] {
    const matcher = toPattern(pattern)
    let found = this.#entries.filter(({ input }) => matcher.test(input))
    if (unique)
      found = [...new Map(found.toReversed().map((entry) => [entry.input, entry])).values()].reverse()
    return n === undefined ? found : n <= 0 ? [] : found.slice(-n)
  }
}

const maybeNumber = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)

export const onHistory =
  (history: History): Handler =>
  ({ message: { content } }) => {
    // Sessions before this one are not kept: they have no lines here.
    const session = maybeNumber(content.session) ?? 0
    const access = {
      tail: () => history.tail(maybeNumber(content.n) ?? 0),
      range: () =>
        session > 1 || session < 0
          ? []
          : history.range(maybeNumber(content.start) ?? 1, maybeNumber(content.stop)),
      search: () =>
        history.search(String(content.pattern ?? '*'), maybeNumber(content.n), content.unique === true),
    }
    const kind = String(content.hist_access_type)
    const found = Object.hasOwn(access, kind) ? access[kind as keyof typeof access]() : undefined
    if (!found)
      return {
        status: 'error',
        ename: 'ValueError',
        evalue: `hist_access_type: received '${kind}', expected tail, range or search`,
        traceback: [],
        history: [],
      }
    // Outputs are not kept, so the pair's second is null, as the protocol has it.
    const rows = found.map(({ line, input }) => [1, line, content.output === true ? [input, null] : input])
    return { status: 'ok', history: rows }
  }
