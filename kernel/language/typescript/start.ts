/** The type service before all else that a cell needs: nothing here loads the parser, so it reads its types while that is loaded. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StandIn } from '../../port.js'
import { blankModule, capacity, firstCapacity } from './blank.js'
import { Service } from './service.js'
import { createWorkspace, isPlain, type Workspace } from './workspace.js'

export interface StartedService {
  workspace: Workspace
  service: Service
  /** One for the first cells, until then (first-cells.ts). None where the notebook's folder has a say in what cells mean. */
  first: Service | undefined
  /** Resolves when it has read its types, rejects when there is no TypeScript. */
  ready: Promise<void>
}

/** What the types of a notebook depend on. */
export interface Place {
  /** The notebook's folder. */
  folder: string
  /** The kernel's own installation: the folder that holds its package.json. */
  home: string
  /** tslab's notebooks are checked without `strict`, jslab's as JavaScript. */
  as?: StandIn | undefined
  /** Takes a line for the log. */
  tell?: (line: string) => void
}

export interface StartedFirst {
  service: Service
  /** Settles when it has read its types. */
  ready: Promise<void>
}

/** Starts TypeScript in the small world that the build has laid, where that is the notebook's too. */
export function startFirst({ folder: notebookFolder, home, as }: Place): StartedFirst | undefined {
  const folder = join(home, 'dist', 'kernel', 'language', 'first')
  if (as || !existsSync(folder) || !isPlain(notebookFolder, home)) return undefined
  const service = new Service(folder, home)
  const here = join(folder, '$here.ts')
  const ready = service
    .write(here, blankModule('', firstCapacity))
    .then(() => service.diagnose(here))
    .then(
      () => {},
      () => {},
    )
  return { service, ready }
}

/** Milliseconds that the service leaves the processors to the first one, which is ready in 20 to 60. */
const patience = 100

/** Starts the service. `first`: what startFirst has given, where it was asked before. */
export function startService(place: Place, first = startFirst(place)): StartedService {
  const { folder, home, as, tell } = place
  const workspace = createWorkspace(folder, home, as, tell)
  const service = new Service(workspace.folder, home)
  for (let slot = 1; slot <= capacity; slot++)
    service.lay(join(workspace.folder, `$${slot}.${workspace.language}`), blankModule('', slot - 1))
  const ready = (async () => {
    if (first) await Promise.race([first.ready, sleep(patience, undefined, { ref: false })])
    const here = join(workspace.folder, `$here.${workspace.language}`)
    await service.write(here, blankModule('', capacity))
    await service.diagnose(here)
  })()
  ready.catch(() => {})
  return { workspace, service, first: first?.service, ready }
}
