/** language/: what TypeScript knows about the notebook. Lives in the protocol thread, answers while user code runs. */
import type { CellSource, Diagnostic } from '../cell/index.js'
import { findLineStarts, lineOf } from '../cell/index.js'
import { findChecking } from './checking.js'
import { findCandidates, readCompletions } from './complete.js'
import { readDiagnostics } from './diagnostics.js'
import { findInspected, readHover } from './inspect.js'
import { isComplete } from './is-complete.js'
import { CellProgram, type Document } from './program.js'
import { Service, type Position, type ServiceCompletion } from './service.js'
import type { Completions, Inspection, Language } from './types.js'
import { createWorkspace } from './workspace.js'

export type { Completion, Completions, Inspection, Language } from './types.js'

export interface LanguageOptions {
  /** The notebook's folder. */
  folder: string
  /** The kernel's own installation: the folder that holds its package.json. */
  home: string
}

/** So many completions get their signature and documentation, which cost the service a question each. */
const described = 24

function positionAt(text: string, offset: number): Position {
  const lines = findLineStarts(text)
  const line = lineOf(lines, offset)
  return { line, character: offset - lines[line]! }
}

export function createLanguage({ folder, home }: LanguageOptions): Language {
  const workspace = createWorkspace(folder, home)
  const service = new Service(workspace.folder, home)
  const program = new CellProgram(workspace.folder)

  // One request at a time: each sees the documents as it wrote them.
  let queue: Promise<unknown> = Promise.resolve()
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = queue.then(work)
    queue = result.catch(() => {})
    return result
  }

  async function writeAll(): Promise<void> {
    for (const { path, text } of program.documents()) await service.write(path, text)
  }

  async function write(document: Document): Promise<void> {
    const other = document.path.endsWith('x') ? document.path.slice(0, -1) : `${document.path}x`
    await service.remove(other)
    await service.write(document.path, document.text)
  }

  const started = inTurn(async () => {
    await writeAll()
    const here = program.here(program.read(''))
    await write(here)
    await service.diagnose(here.path)
  })
  started.catch(() => {})

  return {
    ready: () => started,

    check: (cell: CellSource) =>
      inTurn(async (): Promise<Diagnostic[]> => {
        const checking = findChecking(cell.text) ?? 'error'
        if (checking === 'off') return []
        const document = program.next(program.read(cell.text))
        await write(document)
        const problems = await service.diagnose(document.path)
        const found = readDiagnostics(problems, document, cell.text, workspace)
        return checking === 'error'
          ? found
          : found.map((problem) => ({ ...problem, severity: 'warning' as const }))
      }),

    commit(cell: CellSource): void {
      void inTurn(async () => {
        const module = program.read(cell.text)
        await write(program.next(module))
        if (program.add(module)) await writeAll()
      }).catch(() => {})
    },

    complete: (text: string, offset: number) =>
      inTurn(async (): Promise<Completions> => {
        const document = program.here(program.read(text, true))
        await write(document)
        const items = await service.complete(
          document.path,
          positionAt(document.text, document.start + offset),
        )
        const found = findCandidates(items, text, offset)
        const resolved = new Map<ServiceCompletion, ServiceCompletion>()
        await Promise.all(
          found.candidates.slice(0, described).map(async ({ item }) => {
            if (item.data) resolved.set(item, await service.resolve(item).catch(() => item))
          }),
        )
        return readCompletions(found, resolved)
      }),

    inspect: (text: string, offset: number) =>
      inTurn(async (): Promise<Inspection | undefined> => {
        const document = program.here(program.read(text))
        await write(document)
        for (const place of findInspected(text, offset)) {
          const at = positionAt(document.text, document.start + place)
          const hover = await service.hover(document.path, at)
          if (!hover) continue
          const lines = findLineStarts(document.text)
          const start = lines[hover.start.line]! + hover.start.character - document.start
          return readHover(hover.text.replaceAll(workspace.isCell, ''), text, start)
        }
        return undefined
      }),

    isComplete,

    async close(): Promise<void> {
      await service.close()
      workspace.close()
    },
  }
}
