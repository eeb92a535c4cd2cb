import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GradbookError, InputError } from '../../errors.js'
import { beside } from '../../host.js'

export interface PythonOptions {
  readonly python: string | undefined
  /** What is being done, for messages. */
  readonly where: string
  /** What has to be installed for it. */
  readonly packages: string
}

interface Answer {
  readonly [name: string]: unknown
}

/** Where Python is: as it was asked for, of an active environment, or on the path. */
function commandOf(python: string | undefined): string {
  if (python !== undefined) return python
  const { GRADBOOK_PYTHON, VIRTUAL_ENV } = process.env
  if (GRADBOOK_PYTHON) return GRADBOOK_PYTHON
  const [folder, name] = process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']
  const own = VIRTUAL_ENV && join(VIRTUAL_ENV, folder, name)
  if (own && existsSync(own)) return own
  return process.platform === 'win32' ? 'python' : 'python3'
}

/** A Python program that answers lines of JSON with lines of JSON. It ends with this process. */
export class Python {
  readonly #child: ChildProcess
  readonly #options: PythonOptions
  #rest = ''
  #said = ''
  #waiting: { resolve(answer: Answer): void; reject(error: Error): void }[] = []
  #over: Error | undefined

  private constructor(child: ChildProcess, command: string, options: PythonOptions) {
    this.#child = child
    this.#options = options
    child.stdout!.setEncoding('utf8').on('data', (text: string) => this.#read(text))
    child
      .stderr!.setEncoding('utf8')
      .on('data', (text: string) => (this.#said = (this.#said + text).slice(-2000)))
    child.stdin!.on('error', () => {})
    child.on('error', (error: NodeJS.ErrnoException) =>
      this.#end(error.code === 'ENOENT' ? this.#missing('Python', command) : error),
    )
    child.on('exit', (code, signal) =>
      this.#end(
        new GradbookError(
          `${options.where}: ${command} has ended (${signal ?? `code ${code}`})${this.#said ? `: ${this.#said.trim()}` : ''}`,
        ),
      ),
    )
  }

  static async start(program: URL, options: PythonOptions): Promise<Python> {
    const command = commandOf(options.python)
    const child = beside(() =>
      spawn(command, ['-u', fileURLToPath(program)], {
        stdio: ['pipe', 'pipe', 'pipe'],
        // Stop in a terminal is this process's: what it asks here is let come to its end.
        detached: process.platform !== 'win32',
        env: { ...process.env, PYTHONIOENCODING: 'utf-8' },
      }),
    )
    return new Python(child, command, options)
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()!
    for (const line of lines) {
      const waits = this.#waiting.shift()
      if (!waits) continue
      const answer = JSON.parse(line) as Answer
      if (typeof answer.missing === 'string')
        waits.reject(this.#missing(`the package '${answer.missing}'`, String(answer.python)))
      else if (typeof answer.error === 'string')
        waits.reject(new GradbookError(`${this.#options.where}: Optuna says: ${answer.error}`))
      else waits.resolve(answer)
    }
  }

  #missing(what: string, python: string): InputError {
    const { where, packages } = this.#options
    return new InputError({
      where,
      received: what === 'Python' ? `no Python at ${python}` : `a Python without ${what} (${python})`,
      expected: 'one that has Optuna',
      fix: `Run \`${what === 'Python' ? 'python3' : python} -m pip install ${packages}\`, or name another: { python: '/path/to/python' }, GRADBOOK_PYTHON. random(), sobol() and grid() need none.`,
    })
  }

  #end(error: Error): void {
    this.#over ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(this.#over)
  }

  /** Whether this process waits for it before it ends by itself. */
  #hold(on: boolean): void {
    const how = on ? 'ref' : 'unref'
    for (const one of [this.#child, this.#child.stdin, this.#child.stdout, this.#child.stderr])
      (one as { ref?(): void; unref?(): void } | null)?.[how]?.()
  }

  /** Asks; answers come in the order of the questions. */
  ask(request: object): Promise<Answer> {
    if (this.#over) return Promise.reject(this.#over)
    this.#hold(true)
    const answered = new Promise<Answer>((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#child.stdin!.write(`${JSON.stringify(request)}\n`)
    })
    return answered.finally(() => this.#hold(this.#waiting.length > 0))
  }

  /** Lets it end. */
  async end(): Promise<void> {
    if (this.#over) return
    this.#hold(true)
    const over = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.stdin!.end()
    await over
  }
}
