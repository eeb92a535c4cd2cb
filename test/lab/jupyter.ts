/** A real JupyterLab with this kernel, and a real browser in front of it. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium as playwright, type Browser, type Locator, type Page } from 'playwright-core'
import { findFreePorts } from '../../kernel/cli/client/index.js'
import { chromium, gradbook, python, temporaryFolder } from '../kit/index.js'

export interface Lab {
  /** The folder that JupyterLab shows. */
  folder: string
  url: string
  browser: Browser
  /** Opens a notebook of the folder in a tab of its own with an empty workspace. */
  open(notebook: string, options?: { dark?: boolean }): Promise<NotebookPage>
  close(): Promise<void>
}

export interface NotebookPage {
  page: Page
  /** Errors in the browser's console and uncaught ones, all that came so far. */
  errors: string[]
  cell(index: number): Locator
  /** Sends all cells; `idle` waits for them. */
  runAll(): Promise<void>
  /** Sends one cell. */
  run(index: number): Promise<void>
  /** Resolves when no cell runs or waits. */
  idle(timeout?: number): Promise<void>
  /** Runs the command of that name, as a menu would. */
  command(id: string): Promise<void>
  /** A picture for a person to look at; resolves to its path. */
  screenshot(name: string): Promise<string>
}

export const browserFlags = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
]

/** What browsers and JupyterLab say by themselves in every notebook of every kernel. */
const knownNoise = [
  /favicon/,
  // The list of news and of extensions is asked for on the internet, which tests do without.
  /api\/(?:news|extension)/,
]

async function waitForServer(url: string, said: () => string, ended: () => boolean): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (ended()) break
    const answer = await fetch(url).catch(() => undefined)
    if (answer?.ok) return
    await sleep(100)
  }
  throw new Error(`JupyterLab did not start:\n${said()}`)
}

/** Starts a server on a free port with a home of its own, and a browser. */
export async function startLab(): Promise<Lab> {
  const home = temporaryFolder()
  const folder = join(home, 'notebooks')
  const config = join(home, 'config')
  mkdirSync(folder)
  mkdirSync(config)
  const { code, stderr } = await gradbook(['install', '--prefix', home])
  if (code !== 0) throw new Error(stderr)
  const [port] = await findFreePorts(1)
  const token = randomUUID()
  writeFileSync(
    join(config, 'jupyter_server_config.json'),
    JSON.stringify({ ServerApp: { allow_root: true, open_browser: false } }),
  )
  const server = spawn(
    python!,
    [
      '-m',
      'jupyterlab',
      `--port=${port}`,
      '--ServerApp.port_retries=0',
      '--LabApp.expose_app_in_browser=True',
      `--IdentityProvider.token=${token}`,
    ],
    {
      cwd: folder,
      env: {
        ...process.env,
        HOME: home,
        JUPYTER_CONFIG_DIR: config,
        JUPYTER_DATA_DIR: join(home, 'data'),
        JUPYTER_RUNTIME_DIR: join(home, 'runtime'),
        JUPYTER_PATH: join(home, 'share', 'jupyter'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    },
  )
  let said = ''
  for (const stream of [server.stdout, server.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-20_000)))
  const killAll = (): void => {
    try {
      process.kill(-server.pid!, 'SIGKILL')
    } catch {
      // It has ended already.
    }
  }
  process.once('exit', killAll)
  const url = `http://127.0.0.1:${port}`
  await waitForServer(
    `${url}/api/status?token=${token}`,
    () => said,
    () => server.exitCode !== null,
  )
  const browser = await playwright.launch({ executablePath: chromium!, args: browserFlags })
  let tabs = 0

  return {
    folder,
    url,
    browser,
    async open(notebook, { dark = false } = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 1000 } })
      if (dark) {
        const settings = `${url}/lab/api/settings/@jupyterlab/apputils-extension:themes?token=${token}`
        await context.request.put(settings, { data: { raw: '{"theme": "JupyterLab Dark"}' } })
      }
      const page = await context.newPage()
      const errors: string[] = []
      page.on('pageerror', (error) => errors.push(`uncaught: ${error.message}`))
      page.on('console', (message) => {
        const text = `${message.text()} ${message.location().url}`
        if (message.type() === 'error' && !knownNoise.some((noise) => noise.test(text))) errors.push(text)
      })
      await page.goto(`${url}/lab/workspaces/tab-${++tabs}/tree/${notebook}?token=${token}&reset`)
      await page.locator('.jp-Notebook .jp-Cell').first().waitFor({ timeout: 60_000 })
      await page.waitForFunction(
        () =>
          (window as any).jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle',
        undefined,
        { timeout: 60_000 },
      )
      const news = page.getByRole('button', { name: 'No', exact: true })
      if (await news.isVisible().catch(() => false)) await news.click()
      const command = async (id: string): Promise<void> => {
        // Not awaited: a command that runs cells resolves when they have run.
        await page.evaluate((name) => void (window as any).jupyterapp.commands.execute(name), id)
      }
      const cell = (index: number): Locator => page.locator('.jp-Notebook .jp-Cell').nth(index)
      const prompt = (index: number): Promise<string> => cell(index).locator('.jp-InputPrompt').innerText()
      /** A cell was sent once its prompt is no longer what it was. */
      const sent = async (index: number, before: string): Promise<void> => {
        for (let tries = 0; tries < 200 && (await prompt(index)) === before; tries++) await sleep(20)
      }
      return {
        page,
        errors,
        cell,
        command,
        async runAll() {
          const index = await page.evaluate(() =>
            [...document.querySelectorAll('.jp-Notebook .jp-Cell')].findIndex((one) =>
              one.classList.contains('jp-CodeCell'),
            ),
          )
          const before = await prompt(index)
          await command('notebook:run-all-cells')
          await sent(index, before)
        },
        async run(index) {
          const before = await prompt(index)
          await cell(index).locator('.cm-content').click()
          await page.keyboard.press('Control+Enter')
          await sent(index, before)
        },
        async idle(timeout = 60_000) {
          await page.waitForFunction(
            () => {
              const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
              return prompts.length > 0 && prompts.every(({ textContent }) => !textContent!.includes('[*]'))
            },
            undefined,
            { timeout, polling: 100 },
          )
        },
        async screenshot(name) {
          const folder = process.env.GRADBOOK_SCREENSHOTS ?? home
          const file = join(folder, `${name}.png`)
          mkdirSync(folder, { recursive: true })
          await page.screenshot({ path: file })
          return file
        },
      }
    },
    async close() {
      await browser.close()
      killAll()
      process.off('exit', killAll)
    },
  }
}
