/** The breakpoints that the front end wants, and those that V8 has for them. */
import { pathToFileURL } from 'node:url'
import type { RanCell } from './sources/cells.js'
import type { MainThread } from './inspect-main.js'
import { fitsHitCondition, type Hit } from './hits.js'
import { Refused } from './refused.js'
import { findPlaces, placeOfLine } from './sources/places.js'
import type { Sources, UserProgram } from './sources/sources.js'

export interface Wanted extends Hit {
  line: number
  column?: number
}

/** A breakpoint as front ends ask for it: `{ line }`, or just the number of the line. */
export function readWanted(asked: unknown): Wanted {
  const { line, column, condition, hitCondition, logMessage } = (
    typeof asked === 'number' ? { line: asked } : (asked ?? {})
  ) as Partial<Wanted>
  if (!Number.isInteger(line) || line! < 1)
    throw new Refused(`a breakpoint needs a line, not ${JSON.stringify(asked)}`)
  // Read now, so that what is wrong with it is said now.
  if (typeof hitCondition === 'string' && hitCondition.trim()) fitsHitCondition(hitCondition, 0)
  return {
    line: line!,
    ...(typeof column === 'number' ? { column } : {}),
    ...(typeof condition === 'string' ? { condition } : {}),
    ...(typeof hitCondition === 'string' ? { hitCondition } : {}),
    ...(typeof logMessage === 'string' ? { logMessage } : {}),
  }
}

/** A breakpoint as the front end is told of it. */
export interface Told {
  id: number
  verified: boolean
  line: number
  source: { path: string }
  message?: string
}

export class Breakpoints {
  readonly #sources: Sources
  readonly #wanted = new Map<string, Wanted[]>()
  /** By V8's identifier: whose it is. */
  readonly #set = new Map<string, { path: string; wanted: Hit; hits: number }>()
  #ids = 0

  constructor(sources: Sources) {
    this.#sources = sources
  }

  get all(): { source: string; breakpoints: Wanted[] }[] {
    return [...this.#wanted].map(([source, breakpoints]) => ({ source, breakpoints }))
  }

  clear(): void {
    this.#wanted.clear()
    this.#set.clear()
  }

  /** V8 has forgotten them: it was let go of. */
  forgetSet(): void {
    this.#set.clear()
  }

  /** Replaces the breakpoints of a path; says on which lines they are. */
  async replace(path: string, wanted: readonly Wanted[]): Promise<Told[]> {
    this.#wanted.delete(path)
    let problem = `nothing of this name is known: ${path}`
    const tell = (line: number, verified: boolean, message?: string): Told => ({
      id: ++this.#ids,
      verified,
      line,
      source: { path },
      ...(message === undefined ? {} : { message }),
    })
    if (wanted.length === 0) return []
    this.#wanted.set(path, [...wanted])
    let places
    try {
      const sample = this.#sources.sampleOf(path)
      places = sample && (await findPlaces(sample))
    } catch (error) {
      problem = (error as Error).message
    }
    if (!places) {
      // A cell that a restarted kernel has not seen yet, or a file that Node loads as it is.
      const isThere = !this.#sources.isCell(path) && this.#sources.textOf(path) !== undefined
      return wanted.map(({ line }) => tell(line, isThere, isThere ? undefined : problem))
    }
    const found = wanted.map((breakpoint) => {
      const place = placeOfLine(places, breakpoint.line)
      return place ? { ...breakpoint, line: place.line } : breakpoint
    })
    this.#wanted.set(path, found)
    return found.map(({ line }) =>
      placeOfLine(places, line)
        ? tell(line, true)
        : tell(line, false, 'there is nothing to stop at from this line on'),
    )
  }

  /** Gives V8 those of a path, in place of what it had. */
  async apply(path: string, main: MainThread): Promise<void> {
    for (const [breakpointId, { path: whose }] of this.#set)
      if (whose === path) {
        this.#set.delete(breakpointId)
        await main.post('Debugger.removeBreakpoint', { breakpointId })
      }
    const programs = this.#sources.programsOf(path)
    for (const program of programs) await this.#applyTo(path, program, main)
    if (programs.length === 0 && !this.#sources.isCell(path)) await this.#applyAsIs(path, main)
  }

  async applyAll(main: MainThread): Promise<void> {
    for (const path of this.#wanted.keys()) await this.apply(path, main)
  }

  /** Before a cell runs: what is wanted in it, and in files that were edited since. */
  async beforeCell(cell: RanCell, main: MainThread): Promise<void> {
    if (this.#wanted.size === 0) return
    const path = this.#sources.dump(cell.text)
    if (this.#wanted.has(path)) await this.#applyTo(path, this.#sources.programOf(cell), main)
    for (const file of this.#wanted.keys()) if (!this.#sources.isCell(file)) await this.apply(file, main)
  }

  async #applyTo(path: string, { url, compiled }: UserProgram, main: MainThread): Promise<void> {
    const places = await findPlaces(compiled)
    for (const wanted of this.#wanted.get(path) ?? []) {
      const place = placeOfLine(places, wanted.line)
      if (place) await this.#setAt(path, url, place.programLine, place.programColumn, wanted, main)
    }
  }

  /** A file that Node loads as it is: its lines are V8's. */
  async #applyAsIs(path: string, main: MainThread): Promise<void> {
    const url = pathToFileURL(this.#sources.resolve(path)).href
    for (const wanted of this.#wanted.get(path) ?? [])
      await this.#setAt(path, url, wanted.line - 1, 0, wanted, main)
  }

  async #setAt(
    path: string,
    url: string,
    lineNumber: number,
    columnNumber: number,
    wanted: Hit,
    main: MainThread,
  ): Promise<void> {
    try {
      const { breakpointId } = await main.post('Debugger.setBreakpointByUrl', {
        url,
        lineNumber,
        columnNumber,
      })
      this.#set.set(breakpointId, { path, wanted, hits: 0 })
    } catch (error) {
      // Two lines that come to one place are one breakpoint.
      if (!/already exists/.test((error as Error).message)) throw error
    }
  }

  /** What those that were hit ask for. */
  hitsOf(ids: readonly string[]): Hit[] {
    return ids.map((id) => this.#set.get(id)?.wanted ?? {})
  }

  /** A breakpoint was hit and its condition holds: whether that makes it one to stop, or write, at. */
  count(id: string): boolean {
    const set = this.#set.get(id)
    if (!set?.wanted.hitCondition?.trim()) return true
    return fitsHitCondition(set.wanted.hitCondition, ++set.hits)
  }
}
