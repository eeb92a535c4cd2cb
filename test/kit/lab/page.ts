import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { patience } from '../patience.js'

/** The notebook in front. */
const front = '.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook'

/** A browser window with a notebook. */
export class NotebookPage {
  readonly page: Page
  /** What the page wrote to its console as errors, and what it did not catch. */
  readonly errors: string[] = []
  readonly #pictures: string
  constructor(page: Page, pictures: string) {
    this.page = page
    this.#pictures = pictures
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
    await this.page.locator(`${front} .jp-Cell`).first().waitFor()
    await this.page.waitForFunction((busy) => {
      const { session } = (window as any).jupyterapp?.shell?.currentWidget?.sessionContext ?? {}
      return session?.kernel?.connectionStatus === 'connected' && (busy || session.kernel.status === 'idle')
    }, busy)
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

  /** Runs a command of JupyterLab to its end; one that runs cells ends when they have run. */
  async command(id: string, args: object = {}): Promise<void> {
    await this.page.evaluate(
      ([command, values]) => (window as any).jupyterapp.commands.execute(command, values),
      [id, args] as const,
    )
  }

  /** Presses Stop. */
  async stop(): Promise<void> {
    await this.command('notebook:interrupt-kernel')
  }

  /** Restarts the kernel and waits until it is there again. */
  async restart(): Promise<void> {
    await this.page.evaluate(() =>
      (window as any).jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(),
    )
    await this.ready()
  }

  /** Sends a cell and waits for its number, or with `wait: false` only until it was sent. */
  async run(index: number, { wait = true } = {}): Promise<void> {
    await this.editor(index).click()
    await this.#sent(index, () => this.page.keyboard.press('Control+Enter'))
    if (wait)
      await this.cell(index)
        .locator('.jp-InputPrompt', { hasText: /\[\d+\]/ })
        .waitFor()
  }

  /** Sends all cells; `idle` waits for them. */
  async runAll(): Promise<void> {
    const first = await this.page
      .locator(`${front} .jp-Cell`)
      .evaluateAll((cells) => cells.findIndex((cell) => cell.classList.contains('jp-CodeCell')))
    await this.#sent(first, () =>
      this.page.evaluate(() => void (window as any).jupyterapp.commands.execute('notebook:run-all-cells')),
    )
  }

  /** A cell was sent once its prompt is no longer what it was. */
  async #sent(index: number, send: () => Promise<void>): Promise<void> {
    const prompt = await this.cell(index).locator('.jp-InputPrompt').elementHandle()
    const before = await prompt!.textContent()
    await send()
    await this.page.waitForFunction(([prompt, before]) => prompt!.textContent !== before, [
      prompt,
      before,
    ] as const)
  }

  /** Resolves when no cell runs or waits. */
  async idle({ timeout = patience } = {}): Promise<void> {
    await this.page.waitForFunction(
      () => {
        const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
        return prompts.length > 0 && prompts.every(({ textContent }) => !textContent!.includes('[*]'))
      },
      undefined,
      { timeout, polling: 100 },
    )
  }

  /** Replaces the text of a cell, key by key. */
  async type(index: number, text: string): Promise<void> {
    await this.editor(index).click()
    await this.page.keyboard.press('Control+A')
    await this.page.keyboard.type(text)
  }

  /** A picture for a person to look at, kept where GRADBOOK_SCREENSHOTS says. */
  async screenshot(name: string): Promise<void> {
    const folder = process.env.GRADBOOK_SCREENSHOTS ?? this.#pictures
    mkdirSync(folder, { recursive: true })
    await this.page.screenshot({ path: join(folder, `${name}.png`) })
  }
}
