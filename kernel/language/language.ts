/** language/: what TypeScript knows about the notebook. Lives in the protocol thread, answers while user code runs. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { CellSource, Diagnostic } from '../cell/index.js'
import { placeAt } from '../cell/index.js'
import { findChecking } from './answers/checking.js'
import { completeCommand } from './answers/commands.js'
import { findCandidates, isMember, readCompletions } from './answers/complete.js'
import { readConfigProblems, readDiagnostics } from './answers/diagnostics.js'
import { toOffset, toPosition, type Document } from './program/document.js'
import { Draft } from './program/draft.js'
import { FirstCells } from './program/first-cells.js'
import { findInspected, readHover } from './answers/inspect.js'
import { isComplete } from './answers/is-complete.js'
import { MissingPackages } from './answers/missing.js'
import { completePath } from './answers/paths.js'
import { CellProgram, type CellModule } from './program/program.js'
import { ServerTooSlow } from './typescript/server.js'
import type { ServiceCompletion } from './typescript/service.js'
import { startService, type Place, type StartedService } from './typescript/start.js'
import type { Completions, Inspection, Language } from './types.js'
import { inOrder } from './program/in-order.js'
import { WatchedFiles } from './program/watched.js'

export type { Completion, Completions, Inspection, Language } from './types.js'

export interface LanguageOptions extends Place {
  /** The type service, where it was started before this module was loaded. */
  started?: StartedService
}

/**
 * For so long, in milliseconds, the first completions get their signature and documentation. The service makes the whole list
 * again for each: of a short one all can be asked for at once, 0.15 ms each, of those of all globals one takes 1 to 2.
 */
const describeFor = 3
const shortList = 32

export function createLanguage({
  folder,
  home,
  as,
  tell,
  started = startService({ folder, home, as, ...(tell && { tell }) }),
}: LanguageOptions): Language {
  const { workspace, service } = started
  const program = new CellProgram(workspace, folder)
  const { tsconfig } = workspace
  const watched = new WatchedFiles(folder, tsconfig)
  const missing = new MissingPackages(workspace)

  let isReconfigured = false
  /** Looks whether the tsconfig.json says something else now; the world of the first cells knows nothing of one. */
  function followConfig(): void {
    if (!tsconfig.look()) return
    isReconfigured = true
    endFirst()
  }

  let toldOfConfig = ''
  /** What is wrong with the tsconfig.json, once each time that it is read. */
  function configNews(): Diagnostic[] {
    const news = readConfigProblems(tsconfig.problems)
    const said = JSON.stringify(news)
    if (said === toldOfConfig) return []
    toldOfConfig = said
    return news
  }

  // One request at a time: each sees the documents as it wrote them.
  const inTurn = inOrder()

  async function writeAll(): Promise<void> {
    // Opened before anything of the program imports them, they would be a program of their own: without its options, and
    // without the globals of cells.
    const created: string[] = []
    for (const { path, text } of program.documents())
      if (service.has(path)) await service.write(path, text)
      else {
        service.lay(path, text)
        created.push(path)
      }
    await service.filesChanged(created, 'created')
    await write(program.here(program.read('')))
  }

  async function write(document: Document): Promise<void> {
    const other = document.path.endsWith('x') ? document.path.slice(0, -1) : `${document.path}x`
    await service.remove(other)
    await service.write(document.path, document.text)
  }

  /** Makes a cell that is a file (`@module`) one, in the program, with its options and globals. */
  async function makeFile(module: CellModule, { path }: Document): Promise<void> {
    if (service.has(path)) return
    mkdirSync(dirname(path), { recursive: true })
    service.lay(path, 'export {}\n')
    program.define(module)
    await service.filesChanged([path], 'created')
    await write(program.here(program.read('')))
  }

  /** Tells the service of files that were edited and packages that were installed since the last question. */
  async function catchUp(): Promise<void> {
    followConfig()
    if (isReconfigured) {
      isReconfigured = false
      await service.filesChanged([workspace.configure()], 'changed')
      draft.forget()
    }
    const { created, changed, deleted } = watched.look()
    created.push(...missing.findInstalled())
    await service.filesChanged(created.map(workspace.nameOf), 'created')
    await service.filesChanged(changed.map(workspace.nameOf), 'changed')
    await service.filesChanged(deleted.map(workspace.nameOf), 'deleted')
    if (created.length + changed.length + deleted.length > 0) draft.forget()
  }

  /** The problems of a module as those of its cell, as severe as the cell wants them. */
  async function diagnose(module: CellModule, document: Document, patience?: number): Promise<Diagnostic[]> {
    const { text } = module
    const checking = findChecking(text) ?? 'error'
    if (checking === 'off') return []
    watched.follow(module.specifiers)
    const problems = await service.diagnose(document.path, patience)
    missing.take(problems)
    const found = readDiagnostics(problems, document, text, workspace)
    if (checking === 'error') return found
    return found.map((problem) => ({ ...problem, severity: 'warning' }))
  }

  // A turn for each of its cells, so that a cell that is to run does not wait for all of them.
  const draft = new Draft(
    () => new CellProgram(workspace, folder, 'live'),
    (module, document) =>
      inTurn(async () => {
        await catchUp()
        await write(document)
        return diagnose(module, document, service.assistPatience)
      }).catch((error: unknown): Diagnostic[] => {
        // As long as it stays what it is it is not asked about again: cells that are to run would wait each time.
        if (error instanceof ServerTooSlow) return []
        throw error
      }),
  )

  let prepared = 0
  /** Makes the draft's modules part of the program, with its options and globals: as many as it has cells, empty at first. */
  async function prepareDraft(cells: number): Promise<void> {
    if (cells <= prepared) return
    const empty = new CellProgram(workspace, folder, 'live')
    while (empty.capacity < cells) empty.capacity *= 2
    for (const { path, text } of empty.documents()) service.lay(path, text)
    await write(empty.here(empty.read('')))
    prepared = empty.capacity
    draft.forget()
  }

  let hasTold = false
  /** Cells run unchecked where TypeScript cannot say anything: each that took too long says so, of a missing service the first. */
  function whenUnavailable(error: unknown): Diagnostic[] {
    if (hasTold && !(error instanceof ServerTooSlow)) return []
    hasTold = true
    const message = `the types of this cell were not checked: ${(error as Error).message}`
    return [{ code: 'TypeScript', severity: 'warning', message, place: placeAt('', 0, 0) }]
  }

  const ready = inTurn(() => started.ready)
  ready.catch(() => {})
  void ready.then(workspace.own, workspace.own).catch(() => {})

  let first = started.first && new FirstCells(started.first, folder)
  const noLongerFirst = ready.then(endFirst, endFirst)
  function endFirst(): false {
    first?.close()
    first = undefined
    return false
  }

  return {
    ready: () => ready,

    async check({ text }: CellSource): Promise<Diagnostic[]> {
      followConfig()
      if (first && (await Promise.race([first.passes(text), noLongerFirst]))) return []
      return inTurn(async () => {
        await catchUp()
        const module = program.read(text)
        const document = program.next(module)
        if (module.tags.module !== undefined) await makeFile(module, document)
        await write(document)
        const news = configNews()
        const problems = await diagnose(module, document).catch(whenUnavailable)
        return [...news, ...problems]
      }).catch(whenUnavailable)
    },

    commit({ text }: CellSource): void {
      first?.commit(text)
      void inTurn(async () => {
        const module = program.read(text)
        await write(program.next(module))
        if (program.add(module)) await writeAll()
      }).catch(() => {})
    },

    complete: (text: string, offset: number) =>
      inTurn(async (): Promise<Completions> => {
        const written = completeCommand(text, offset) ?? completePath(text, offset, folder)
        if (written) return written
        await catchUp()
        const document = program.here(program.read(text, !isMember(text, offset)))
        await write(document)
        const at = toPosition(document, offset)
        const listed = await service.complete(document.path, at)
        const found = findCandidates(listed, text, offset, (position) => toOffset(document, position))
        const resolved = new Map<ServiceCompletion, ServiceCompletion>()
        const until = performance.now() + describeFor
        const items = found.candidates.map(({ item }) => item).filter(({ data }) => data)
        const together = items.length <= shortList ? shortList : 2
        for (let next = 0; next < items.length && performance.now() < until; next += together)
          await Promise.all(
            items
              .slice(next, next + together)
              .map(async (item) => resolved.set(item, await service.resolve(item).catch(() => item))),
          )
        return readCompletions(found, resolved)
      }).catch(() => ({ start: offset, end: offset, items: [] })),

    inspect: (text: string, offset: number) =>
      inTurn(async (): Promise<Inspection | undefined> => {
        await catchUp()
        const document = program.here(program.read(text))
        await write(document)
        for (const place of findInspected(text, offset)) {
          const at = toPosition(document, place)
          const hover = await service.hover(document.path, at)
          // Of a name that nobody has declared TypeScript says just `any`.
          if (!hover || /^`{3}\w*\s+any\s+`{3}$/.test(hover.text.trim())) continue
          return readHover(hover.text.replaceAll(workspace.isCell, ''), text, toOffset(document, hover.start))
        }
        return undefined
      }).catch(() => undefined),

    async diagnose(cells) {
      await inTurn(async () => {
        await prepareDraft(cells.length)
        // What was edited or came to be since is news to cells that are as they were.
        await catchUp()
      })
      return draft.diagnose(cells)
    },

    isComplete,

    async close(): Promise<void> {
      first?.close()
      await service.close()
      workspace.close()
    },
  }
}
