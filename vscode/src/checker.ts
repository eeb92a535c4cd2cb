/** `gradbook diagnose` in a process of its own: one question at a time, the newest text next. Knows nothing of VS Code. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Answer, Cell } from './cells.js'

interface Options {
  command: readonly string[]
  folder: string
  onAnswer: (answer: Answer) => void
  /** Is told once why nothing is checked. */
  onFailure: (reason: string) => void
}

export class Checker {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #options: Options
  #count = 0
  #isBusy = false
  #next: readonly Cell[] | undefined
  #hasEnded = false

  constructor(options: Options) {
    this.#options = options
    const [program = 'gradbook', ...words] = options.command
    // On Windows npx is a script, which only a shell starts; the words come from the user's own setting.
    this.#child = spawn(program, [...words, 'diagnose'], {
      cwd: options.folder,
      shell: process.platform === 'win32',
    })
    let said = ''
    this.#child.stderr.on('data', (chunk) => (said = (said + chunk).slice(-2000)))
    this.#child.on('error', (error) => this.#fail(error.message))
    this.#child.on('close', (code) => this.#fail(`it ended with ${code}\n${said}`))
    // What it no longer reads is said by its end.
    this.#child.stdin.on('error', () => {})
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#take(line))
  }

  /** Asks about the cells, once what was asked before is answered. */
  ask(cells: readonly Cell[]): void {
    if (this.#hasEnded) return
    if (this.#isBusy) {
      this.#next = cells
      return
    }
    this.#isBusy = true
    this.#child.stdin.write(`${JSON.stringify({ id: ++this.#count, cells })}\n`)
  }

  close(): void {
    this.#hasEnded = true
    this.#child.stdin.end()
  }

  #take(line: string): void {
    let answer: { cells?: Answer; error?: string }
    try {
      answer = JSON.parse(line) as typeof answer
    } catch {
      // Not ours: what npx or a wrapper prints.
      return
    }
    this.#isBusy = false
    const next = this.#next
    this.#next = undefined
    if (next) return this.ask(next)
    if (answer.cells && !this.#hasEnded) this.#options.onAnswer(answer.cells)
  }

  #fail(reason: string): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#options.onFailure(reason)
  }
}
