/** The type service as early as it can be: nothing here loads the parser, so it reads its types while the rest of the kernel is loaded. */
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StandIn } from '../port.js'
import { blankModule, capacity, firstCapacity } from './blank.js'
import { findCompiler, startServer, type Server } from './server.js'
import { Service } from './service.js'
import { createWorkspace, type Workspace } from './workspace.js'

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
}

/** Starts TypeScript in the small world that the build has laid. */
function startFirst(home: string): Service | undefined {
  const folder = join(home, 'dist', 'kernel', 'language', 'first')
  if (!existsSync(folder)) return undefined
  const service = new Service(folder, home)
  const here = join(folder, '$here.ts')
  service
    .write(here, blankModule('', firstCapacity))
    .then(() => service.diagnose(here))
    .catch(() => {})
  return service
}

export function startService({ folder, home, as }: Place): StartedService {
  let server: Server | undefined
  try {
    server = startServer(findCompiler(home), tmpdir())
  } catch {
    // The service tries again when it is asked, and says why it cannot.
  }
  // Made while the server's process comes up.
  const workspace = createWorkspace(folder, home, as)
  const service = new Service(workspace.folder, home, { server })
  for (let slot = 1; slot <= capacity; slot++)
    service.lay(join(workspace.folder, `$${slot}.${workspace.language}`), blankModule('', slot - 1))
  const ready = (async () => {
    const here = join(workspace.folder, `$here.${workspace.language}`)
    await service.write(here, blankModule('', capacity))
    await service.diagnose(here)
  })()
  ready.catch(() => {})
  return { workspace, service, first: workspace.isPlain ? startFirst(home) : undefined, ready }
}
