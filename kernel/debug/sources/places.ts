/** The places of a program at which V8 can pause, in the lines of the text that it was made from. */
import inspector from 'node:inspector'
import { findSource, readMappings, type Mapping } from '../../cell/source-map.js'
import { findDefinitions, type Definition } from './definitions.js'

/** Lines and columns of the text count from 1, those of the program from 0. */
export interface Place {
  line: number
  column: number
  programLine: number
  programColumn: number
}

/** What a text became. */
export interface Compiled {
  text: string
  program: string
  mappings: readonly Mapping[]
}

/** A program with its source map; without one its lines are those of the text. */
export function createCompiled(text: string, program: string, map: string | undefined): Compiled {
  return { text, program, mappings: map === undefined ? [] : readMappings(JSON.parse(map).mappings) }
}

export interface Places {
  /** In the order of the text. */
  places: readonly Place[]
  definitions: readonly Definition[]
}

const known = new WeakMap<Compiled, Promise<Places>>()

/** All places of a program. They are asked of V8 in this thread, which answers also while the main thread is busy. */
export function findPlaces(compiled: Compiled): Promise<Places> {
  let places = known.get(compiled)
  if (!places) known.set(compiled, (places = askEngine(compiled)))
  return places
}

type Post = (method: string, params?: object) => Promise<any>

async function askEngine({ text, program, mappings }: Compiled): Promise<Places> {
  const session = new inspector.Session()
  session.connect()
  const post: Post = (method, params) =>
    new Promise((resolve, reject) =>
      session.post(method, params, (error, result) =>
        error ? reject(new Error(`${method}: ${error.message}`)) : resolve(result),
      ),
    )
  try {
    await post('Runtime.enable')
    await post('Debugger.enable')
    const { scriptId, exceptionDetails } = await post('Runtime.compileScript', {
      expression: program,
      sourceURL: '',
      persistScript: true,
    })
    if (!scriptId) throw new SyntaxError(exceptionDetails?.text ?? 'the program cannot be parsed')
    const start = { scriptId, lineNumber: 0, columnNumber: 0 }
    const { locations } = await post('Debugger.getPossibleBreakpoints', { start })
    const places: Place[] = []
    for (const { lineNumber, columnNumber = 0 } of locations) {
      const at = findSource(mappings, lineNumber, columnNumber)
      if (at)
        places.push({
          line: at.line + 1,
          column: at.column + 1,
          programLine: lineNumber,
          programColumn: columnNumber,
        })
    }
    places.sort(
      (a, b) =>
        a.line - b.line ||
        a.column - b.column ||
        a.programLine - b.programLine ||
        a.programColumn - b.programColumn,
    )
    return { places, definitions: findDefinitions(text) }
  } finally {
    session.disconnect()
  }
}

/**
 * Where a breakpoint on a line goes: the first place on it, or on the first later line that has one. A line that does
 * nothing but define a function stands for the first place inside that function.
 */
export function placeOfLine({ places, definitions }: Places, line: number): Place | undefined {
  const first = places.find((place) => place.line >= line)
  if (!first) return undefined
  const definition = definitions.find(
    ({ start, body }) => start.line === first.line && !isBefore(first, start) && isBefore(first, body),
  )
  if (!definition) return first
  return (
    places.find(
      (place) =>
        place.programLine > 0 && !isBefore(place, definition.body) && isBefore(place, definition.end),
    ) ?? first
  )
}

interface Point {
  line: number
  column: number
}

const isBefore = (a: Point, b: Point): boolean =>
  a.line < b.line || (a.line === b.line && a.column < b.column)
