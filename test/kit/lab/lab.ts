import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser } from 'playwright-core'
import { describe } from 'vitest'
import { findFreePorts } from '../../../kernel/cli/client/index.js'
import { gradbook } from '../command.js'
import { temporaryFolder } from '../files.js'
import { chromium, python } from '../needs.js'
import { patience } from '../patience.js'
import { shared } from '../shared.js'
import { launch } from './browser.js'
import { notebookOf } from './notebook.js'
import { NotebookPage } from './page.js'

/** Lab's settings that would make tests depend on time or on the network. */
const settings = {
  '@jupyterlab/apputils-extension/notification.jupyterlab-settings': {
    fetchNews: 'false',
    checkForUpdates: false,
  },
  '@jupyterlab/docmanager-extension/plugin.jupyterlab-settings': { autosave: false },
}

export interface OpenOptions {
  dark?: boolean
  /** CSS pixels of the window: 1280 x 900. */
  width?: number
  height?: number
  /** JupyterLab or Notebook 7. */
  in?: 'lab' | 'notebooks'
  /** Whether a cell runs already: see `NotebookPage.ready`. */
  busy?: boolean
}

/** A real JupyterLab with a home of its own and this build's kernel and extension, and a browser before it. */
export class Lab {
  /** The folder that JupyterLab shows. */
  readonly folder: string
  readonly #home: string
  readonly #server: ChildProcess
  readonly #browser: Browser
  #url = ''
  #log = ''
  #windows = 0
  private constructor(home: string, server: ChildProcess, browser: Browser) {
    this.#home = home
    this.folder = join(home, 'notebooks')
    this.#server = server
    this.#browser = browser
    for (const stream of [server.stdout!, server.stderr!])
      stream.on('data', (text) => (this.#log = (this.#log + text).slice(-20_000)))
  }

  /** Needs Python with JupyterLab and a browser: see `needs.ts`. */
  static async start(): Promise<Lab> {
    const home = temporaryFolder()
    const [{ code, stdout, stderr }, [port], browser] = await Promise.all([
      gradbook(['install', '--prefix', home]),
      findFreePorts(1),
      launch(),
    ])
    if (code !== 0) throw new Error(`gradbook install ended with ${code}:\n${stdout}${stderr}`)
    mkdirSync(join(home, 'notebooks'))
    for (const [name, value] of Object.entries(settings)) {
      const path = join(home, 'config', 'lab', 'user-settings', name)
      mkdirSync(join(path, '..'), { recursive: true })
      writeFileSync(path, JSON.stringify(value))
    }
    const options = [
      '--no-browser',
      '--allow-root',
      '--IdentityProvider.token=',
      '--LabApp.expose_app_in_browser=True',
      '--JupyterNotebookApp.expose_app_in_browser=True',
      // Where it begins to look: another program may have taken it by then.
      `--ServerApp.port=${port}`,
    ]
    const server = spawn(python!, ['-m', 'jupyterlab', ...options, join(home, 'notebooks')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        JUPYTER_PATH: join(home, 'share', 'jupyter'),
        JUPYTER_CONFIG_DIR: join(home, 'config'),
        JUPYTER_DATA_DIR: join(home, 'data'),
        JUPYTER_RUNTIME_DIR: join(home, 'runtime'),
        IPYTHONDIR: join(home, 'ipython'),
      },
    })
    const lab = new Lab(home, server, browser)
    await lab.#answers()
    return lab
  }

  async #answers(): Promise<void> {
    const answers = async () => {
      const runtime = join(this.#home, 'runtime')
      const file = readdirSync(runtime).find((name) => /^jpserver-\d+\.json$/.test(name))!
      const { port } = JSON.parse(readFileSync(join(runtime, file), 'utf8'))
      this.#url = `http://127.0.0.1:${port}`
      return (await fetch(`${this.#url}/api/status`)).ok
    }
    for (const end = Date.now() + patience; Date.now() < end && this.#server.exitCode === null;) {
      if (await answers().catch(() => false)) return
      await sleep(100)
    }
    throw new Error(`JupyterLab did not start:\n${this.#log}`)
  }

  /** The last lines that the server wrote. */
  get log(): string {
    return this.#log
  }

  write(name: string, notebook: object): void {
    writeFileSync(join(this.folder, name), JSON.stringify(notebook))
  }

  /** Opens a notebook of the folder in a window of its own; with `cells`, a new one. */
  async open(
    name: string,
    {
      cells,
      dark = false,
      width = 1280,
      height = 900,
      in: place = 'lab',
      busy = false,
    }: OpenOptions & { cells?: readonly string[] } = {},
  ): Promise<NotebookPage> {
    if (cells) this.write(name, notebookOf(cells))
    const context = await this.#browser.newContext({ viewport: { width, height }, deviceScaleFactor: 2 })
    context.setDefaultTimeout(patience)
    const notebook = new NotebookPage(await context.newPage(), join(this.#home, 'pictures'))
    const workspace = `lab/workspaces/window-${++this.#windows}/tree`
    await notebook.page.goto(`${this.#url}/${place === 'lab' ? workspace : place}/${name}`)
    await notebook.ready({ busy })
    if (dark) await notebook.command('apputils:change-theme', { theme: 'JupyterLab Dark' })
    return notebook
  }

  async close(): Promise<void> {
    await this.#browser.close()
    if (this.#server.exitCode !== null) return
    const ended = once(this.#server, 'exit')
    this.#server.kill('SIGTERM')
    const killer = setTimeout(() => this.#server.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(killer)
  }
}

/** Tests in a JupyterLab of their own; skipped where there is no Python with JupyterLab or no browser. */
export function describeLab(title: string, tests: (lab: Lab) => void): void {
  describe.skipIf(!python || !chromium)(title, { timeout: 4 * patience }, () =>
    tests(
      shared(
        'JupyterLab',
        () => Lab.start(),
        (lab) => lab.close(),
      ),
    ),
  )
}
