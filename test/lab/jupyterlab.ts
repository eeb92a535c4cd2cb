/** A real JupyterLab on a folder of its own, with this build's kernel and extension, and a browser to drive it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { chromium as engine, type Browser, type Locator, type Page } from 'playwright-core'
import { chromium, python } from '../kit/needs.js'

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  await new Promise((done) => server.close(done))
  return port
}

const code = (source: string) => ({
  cell_type: 'code',
  metadata: {},
  source,
  outputs: [],
  execution_count: null,
})

/** JSON of a notebook with these code cells. */
export function notebookOf(cells: readonly string[], kernel = 'gradbook'): object {
  return {
    cells: cells.map((source, index) => ({ id: `cell-${index}`, ...code(source) })),
    metadata: { kernelspec: { name: kernel, display_name: kernel, language: 'typescript' } },
    nbformat: 4,
    nbformat_minor: 5,
  }
}

/** Lab's settings that would make tests depend on time or on the network. */
const settings = {
  '@jupyterlab/apputils-extension/notification.jupyterlab-settings': {
    fetchNews: 'false',
    checkForUpdates: false,
  },
  '@jupyterlab/docmanager-extension/plugin.jupyterlab-settings': { autosave: false },
}

export class Lab {
  readonly folder: string
  readonly url: string
  readonly #home: string
  readonly #server: ChildProcess
  readonly #browser: Browser
  #log = ''
  private constructor(home: string, url: string, server: ChildProcess, browser: Browser) {
    this.#home = home
    this.folder = join(home, 'notebooks')
    this.url = url
    this.#server = server
    this.#browser = browser
    for (const stream of [server.stdout!, server.stderr!])
      stream.on('data', (text) => (this.#log = (this.#log + text).slice(-20_000)))
  }

  /** Needs Python with JupyterLab and a browser: see `needs.ts`. */
  static async start(): Promise<Lab> {
    const home = mkdtempSync(join(tmpdir(), 'gradbook-lab-'))
    const { status } = await finished(
      spawn(process.execPath, [resolve('bin/gradbook.mjs'), 'install', '--prefix', home], {
        stdio: 'ignore',
      }),
    )
    if (status !== 0) throw new Error(`gradbook install ended with ${status}`)
    mkdirSync(join(home, 'notebooks'))
    for (const [name, value] of Object.entries(settings)) {
      const path = join(home, 'config', 'lab', 'user-settings', name)
      mkdirSync(join(path, '..'), { recursive: true })
      writeFileSync(path, JSON.stringify(value))
    }
    const port = await freePort()
    const options = [
      '--no-browser',
      '--allow-root',
      '--ServerApp.port_retries=0',
      '--IdentityProvider.token=',
      '--LabApp.expose_app_in_browser=True',
      '--JupyterNotebookApp.expose_app_in_browser=True',
    ]
    const server = spawn(
      python!,
      ['-m', 'jupyterlab', ...options, `--ServerApp.port=${port}`, join(home, 'notebooks')],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...process.env,
          JUPYTER_PATH: join(home, 'share', 'jupyter'),
          JUPYTER_CONFIG_DIR: join(home, 'config'),
          JUPYTER_RUNTIME_DIR: join(home, 'runtime'),
          IPYTHONDIR: join(home, 'ipython'),
        },
      },
    )
    const browser = await engine.launch({
      executablePath: chromium!,
      args: ['--no-sandbox', '--force-color-profile=srgb', '--font-render-hinting=none'],
    })
    const lab = new Lab(home, `http://127.0.0.1:${port}`, server, browser)
    await lab.#answers()
    return lab
  }

  async #answers(): Promise<void> {
    for (let i = 0; i < 300; i++) {
      if (
        await fetch(`${this.url}/api/status`).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        return
      if (this.#server.exitCode !== null) break
      await new Promise((done) => setTimeout(done, 200))
    }
    throw new Error(`JupyterLab did not start:\n${this.#log}`)
  }

  write(name: string, notebook: object): void {
    writeFileSync(join(this.folder, name), JSON.stringify(notebook))
  }

  /** Opens a notebook in a window of its own, in JupyterLab or in Notebook 7. */
  async open(
    name: string,
    { dark = false, width = 1280, height = 900, in: place = 'lab' as 'lab' | 'notebooks', busy = false } = {},
  ): Promise<NotebookPage> {
    const context = await this.#browser.newContext({ viewport: { width, height }, deviceScaleFactor: 2 })
    const page = await context.newPage()
    const notebook = new NotebookPage(page)
    const workspace = `lab/workspaces/w${Math.random().toString(36).slice(2)}/tree`
    await page.goto(`${this.url}/${place === 'lab' ? workspace : place}/${name}`)
    await notebook.ready({ busy })
    if (dark) await notebook.command('apputils:change-theme', { theme: 'JupyterLab Dark' })
    return notebook
  }

  async close(): Promise<void> {
    await this.#browser.close()
    const ended = finished(this.#server)
    this.#server.kill('SIGTERM')
    const killer = setTimeout(() => this.#server.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(killer)
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }

  /** The last lines that the server wrote. */
  get log(): string {
    return this.#log
  }
}

function finished(child: ChildProcess): Promise<{ status: number | null }> {
  return new Promise((done) => child.once('exit', (status) => done({ status })))
}

/** The notebook in front. */
const front = '.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook'

/** A browser window with a notebook. */
export class NotebookPage {
  readonly page: Page
  /** What the page wrote to its console as errors. */
  readonly errors: string[] = []
  constructor(page: Page) {
    this.page = page
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(`${message.text()} ${message.location().url}`)
    })
    page.on('pageerror', (error) => this.errors.push(String(error)))
  }

  /**
   * Resolves when the notebook is there and its kernel is idle; with `busy`, when the kernel has answered: beside a tab
   * whose cell runs, nothing says that it is idle.
   */
  async ready({ busy = false } = {}): Promise<void> {
    await this.page.locator(front).first().waitFor({ timeout: 60_000 })
    await this.page.waitForFunction(
      (busy) => {
        const { session } = (window as any).jupyterapp?.shell?.currentWidget?.sessionContext ?? {}
        return session?.kernel?.connectionStatus === 'connected' && (busy || session.kernel.status === 'idle')
      },
      busy,
      { timeout: 60_000 },
    )
    if (busy)
      await this.page.evaluate(async () => {
        await (window as any).jupyterapp.shell.currentWidget.sessionContext.session.kernel.info
      })
  }

  cell(index: number): Locator {
    return this.page.locator(`${front} .jp-Cell`).nth(index)
  }
  editor(index: number): Locator {
    return this.cell(index).locator('.cm-content')
  }
  output(index: number): Locator {
    return this.cell(index).locator('.jp-Cell-outputArea')
  }

  /** Runs a command of JupyterLab. */
  async command(id: string, args: object = {}): Promise<void> {
    await this.page.evaluate(
      ([command, values]) => (window as any).jupyterapp.commands.execute(command, values),
      [id, args] as const,
    )
  }

  /** Restarts the kernel and waits until it is there again. */
  async restart(): Promise<void> {
    await this.page.evaluate(() =>
      (window as any).jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(),
    )
    await this.ready()
  }

  /** Runs a cell and, unless told not to, waits for its number. */
  async run(index: number, { wait = true, timeout = 60_000 } = {}): Promise<void> {
    await this.editor(index).click()
    await this.page.keyboard.press('Control+Enter')
    if (wait)
      await this.cell(index)
        .locator('.jp-InputPrompt', { hasText: /\[\d+\]/ })
        .waitFor({ timeout })
  }

  async type(index: number, text: string): Promise<void> {
    await this.editor(index).click()
    await this.page.keyboard.press('Control+A')
    await this.page.keyboard.type(text)
  }
}
