/** `gradbook lab`: JupyterLab with this kernel, registered for that server alone. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { InputError, describe } from '../../src/errors.js'
import { installExtension } from './jupyter/extension.js'
import { cacheFolder } from './jupyter/folders.js'
import { writeKernelSpec } from './jupyter/kernelspec.js'
import { findOrMakeLab } from './jupyter/lab.js'
import { packageFolder } from './own-files.js'

/** A data folder for this copy of gradbook: two clones do not overwrite each other's kernelspec. */
function ownDataFolder(): string {
  const id = createHash('sha256').update(packageFolder).digest('hex').slice(0, 12)
  return join(cacheFolder(), 'data', id)
}

/** Defaults of this server's JupyterLab; what the user has set in its Settings stands above them. */
const defaults = {
  // Completion shows what a name means beside it: units, defaults and examples are there.
  '@jupyterlab/completer-extension:manager': { showDocumentationPanel: true },
}

/** A configuration folder in which JupyterLab finds `defaults`. */
function writeDefaults(dataFolder: string): string {
  const folder = join(dataFolder, 'config')
  mkdirSync(join(folder, 'labconfig'), { recursive: true })
  const file = join(folder, 'labconfig', 'default_setting_overrides.json')
  writeFileSync(file, `${JSON.stringify(defaults, null, 2)}\n`)
  return folder
}

const before = (folder: string, path: string | undefined): string =>
  path ? `${folder}${delimiter}${path}` : folder

/** What to add to a Jupyter's environment so that it knows this kernel and this extension, with defaults for them. */
export function jupyterEnvironment(): { JUPYTER_PATH: string; JUPYTER_CONFIG_PATH: string } {
  const dataFolder = ownDataFolder()
  writeKernelSpec(dataFolder)
  installExtension(dataFolder)
  const { JUPYTER_PATH, JUPYTER_CONFIG_PATH } = process.env
  return {
    JUPYTER_PATH: before(dataFolder, JUPYTER_PATH),
    JUPYTER_CONFIG_PATH: before(writeDefaults(dataFolder), JUPYTER_CONFIG_PATH),
  }
}

/**
 * The server drops what a kernel publishes beyond 1 MB or 1,000 messages a second, with a warning in its log and nothing in
 * the cell. This kernel gathers and slows down its output itself (wire/outgoing.ts).
 */
const lossless = '--ZMQChannelsWebsocketConnection.limit_rate=False'

/** Docker's usual user is root, whom Jupyter refuses unless told. */
function rootArguments(args: readonly string[]): string[] {
  if (process.getuid?.() !== 0 || args.some((arg) => /allow[-_]root/.test(arg))) return []
  console.error('You are root: JupyterLab is started with --allow-root')
  return ['--allow-root']
}

/** Starts JupyterLab in `folder` with further arguments of its own; resolves to its exit code when it ends. */
export async function lab(folder = '.', args: readonly string[] = []): Promise<number> {
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new InputError({
      where: 'gradbook lab',
      received: `${describe(folder)}, which is ${existsSync(folder) ? 'a file' : 'not there'}`,
      expected: 'the folder of the notebooks',
      fix: 'Arguments for JupyterLab come after two dashes: `gradbook lab notebooks -- --port 8890`',
    })
  const found = findOrMakeLab((text) => console.error(text))
  console.error(`JupyterLab ${found.version} (${found.command[0]})`)
  const [program, ...first] = found.command as [string, ...string[]]
  const child = spawn(
    program,
    // Ctrl-C ends the server at once instead of asking whether it was meant.
    [...first, '--ServerApp.answer_yes=True', lossless, ...rootArguments(args), ...args],
    { cwd: resolve(folder), env: { ...process.env, ...jupyterEnvironment() }, stdio: 'inherit' },
  )
  // A terminal sends Ctrl-C to both; who stops only this process means the server too.
  const ignore = (): void => {}
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal)
  process.on('SIGINT', ignore)
  process.on('SIGTERM', forward)
  process.on('SIGHUP', forward)
  return new Promise((done, fail) => {
    child.once('error', fail)
    child.once('exit', (code, signal) => {
      process.off('SIGINT', ignore)
      process.off('SIGTERM', forward)
      process.off('SIGHUP', forward)
      done(code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : 1))
    })
  })
}
