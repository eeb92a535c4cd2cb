/** The type service as early as it can be: nothing here loads the parser, so it reads its types while the rest of the kernel is loaded. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { blankModule, capacity } from './blank.js'
import { findCompiler, startServer, type Server } from './server.js'
import { Service } from './service.js'
import { createWorkspace, type Workspace } from './workspace.js'

export interface StartedService {
  workspace: Workspace
  service: Service
  /** Resolves when it has read its types, rejects when there is no TypeScript. */
  ready: Promise<void>
}

export function startService({ folder, home }: { folder: string; home: string }): StartedService {
  let server: Server | undefined
  try {
    server = startServer(findCompiler(home), tmpdir())
  } catch {
    // The service tries again when it is asked, and says why it cannot.
  }
  // Made while the server's process comes up.
  const workspace = createWorkspace(folder, home)
  const service = new Service(workspace.folder, home, { server })
  for (let slot = 1; slot <= capacity; slot++)
    service.lay(join(workspace.folder, `$${slot}.ts`), blankModule('', slot - 1))
  const ready = (async () => {
    const here = join(workspace.folder, '$here.ts')
    await service.write(here, blankModule('', capacity))
    await service.diagnose(here)
  })()
  ready.catch(() => {})
  return { workspace, service, ready }
}
