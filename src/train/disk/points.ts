import { InputError } from '../../errors.js'
import type { Adjustment } from '../../views.js'
import type { Files } from '../../store/files.js'
import type { Core } from '../state/core.js'
import type { History } from '../state/history.js'
import { checkFit } from './check-snapshot.js'
import { readSnapshot, rebuild } from './snapshot-file.js'
import type { Snapshot } from '../state/snapshots.js'

/**
 * Names of snapshot files: `00000200.safetensors` the run as it stood; `00000200-undo-3.safetensors` a point that undo goes
 * back to, after 200 iterations and 3 adjustments, which is one place on the run's line; `00000200-redo-3.safetensors` one
 * that redo goes to; `00000200-kept-good.safetensors`.
 */
const pattern = /^(\d{8,})(?:-(undo|redo)-(\d+)|-kept-(.+))?\.safetensors$/

const digits = (iteration: number) => String(iteration).padStart(8, '0')

export const presentFile = (iteration: number) => `${digits(iteration)}.safetensors`
type At = Pick<Snapshot, 'iteration' | 'adjustments'>
export const undoFile = ({ iteration, adjustments }: At) =>
  `${digits(iteration)}-undo-${adjustments.length}.safetensors`
export const redoFile = ({ iteration, adjustments }: At) =>
  `${digits(iteration)}-redo-${adjustments.length}.safetensors`
export const keptFile = (iteration: number, name: string) =>
  `${digits(iteration)}-kept-${encodeURIComponent(name)}.safetensors`

/** What a file's name says; undefined where it is no snapshot. */
export function maybePlace(
  file: string,
): { iteration: number; adjustments?: number; redo?: boolean; name?: string } | undefined {
  const [, iteration, way, adjustments, encoded] = pattern.exec(file) ?? []
  const name = encoded === undefined ? undefined : maybeName(encoded)
  if (iteration === undefined || (encoded !== undefined && name === undefined)) return undefined
  return {
    iteration: Number(iteration),
    ...(adjustments !== undefined && { adjustments: Number(adjustments), redo: way === 'redo' }),
    ...(name !== undefined && { name }),
  }
}

/** A name as `keptFile` writes it; undefined where it is another program's. */
function maybeName(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

/** A point on disk, read when it is wanted. */
export interface SavedPoint {
  iteration: number
  /** Adjustments before it; undefined where it was kept by name. */
  adjustments?: number
  /** Whether redo goes there. */
  redo?: boolean
  name?: string
  /** What is there, or why it cannot be read. */
  read(): ReadPoint | Error
}

export interface ReadPoint {
  snapshot: Snapshot
  history: History
  from: string | undefined
}

/** The points that a run's folder holds, in the order of the run's line. */
export function savedPoints(core: Core, files: Files, folder: string): SavedPoint[] {
  const snapshots = files.join(folder, 'snapshots')
  return files
    .list(snapshots)
    .flatMap((file): SavedPoint[] => {
      const place = maybePlace(file)
      if (place?.adjustments === undefined && place?.name === undefined) return []
      return [{ ...place, read: () => readPoint(core, files, files.join(snapshots, file)) }]
    })
    .toSorted((a, b) => a.iteration - b.iteration || (a.adjustments ?? 0) - (b.adjustments ?? 0))
}

function readPoint(core: Core, files: Files, path: string): ReadPoint | Error {
  try {
    const decoded = readSnapshot(files, path)(core)
    if (decoded.snapshot.stages.length !== core.state.stages.length)
      throw new InputError({
        where: path,
        received: 'a point of another stage of the run, whose data and model are not here',
        expected: 'one of the stage that was loaded',
      })
    checkFit(core, decoded, path)
    const { settings, schedule, batchSchedule, stop } = decoded
    const now = core.settings
    // Functions of the user's own are those of the run as it was taken up.
    const own = <T extends { name: string }>(recorded: { name: string } | undefined, held: T | undefined) =>
      recorded?.name === 'own' ? held : undefined
    const same =
      JSON.stringify(decoded.optimizer.settings) === JSON.stringify(core.settings.optimizer.settings)
    const rebuilt = rebuild(
      decoded,
      {
        schedule: own(schedule, now.schedule),
        batchSchedule: own(batchSchedule, now.batchSchedule),
        stop: own(stop, now.stop),
        ...((core.trainee.iteration || (same && decoded.optimizer.name === core.settings.optimizer.name)) && {
          optimizer: core.settings.optimizer,
        }),
      },
      'run.undo()',
    )
    const plain = Object.fromEntries(
      Object.keys(now).map((name) => [name, (settings as { [name: string]: unknown })[name]]),
    )
    const { metrics, progress, save } = now
    const snapshot: Snapshot = {
      ...decoded.snapshot,
      version: core.nextVersion(),
      settings: { ...now, ...plain, ...rebuilt, metrics, progress, save },
    }
    return { snapshot, history: decoded.beside.history, from: decoded.from }
  } catch (error) {
    return error as Error
  }
}

/** Whether the run as it stands came from this point: its history and its adjustments begin with the point's. */
export function leadsHere(
  core: Core,
  { snapshot, history }: { snapshot: Snapshot; history: History },
): boolean {
  const { length } = history
  if (length > core.state.history.length) return false
  const last = length - 1
  const alike = (name: string) => Object.is(history.column(name)[last], core.state.history.column(name)[last])
  if (length > 0 && !(alike('iteration') && alike('loss'))) return false
  return made(core.state.adjustments.slice(0, snapshot.adjustments.length)) === made(snapshot.adjustments)
}

/** What was done; the reason may be given later. */
const made = (adjustments: readonly Adjustment[]): string =>
  JSON.stringify(adjustments.map(({ why: _, ...rest }) => rest))
