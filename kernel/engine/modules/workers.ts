/** `Worker` of node:worker_threads with files beside the notebook: TypeScript ones are compiled in the thread that runs them. */
import { syncBuiltinESMExports } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import threads, { type WorkerOptions } from 'node:worker_threads'
import { findFile } from '../../resolve/local-files.js'
import { isTyped } from './required-typescript.js'
import type { LoaderData } from './worker-loader.js'

// From the folder of a bundle as from this one.
const loader = new URL('./worker-loader.js', import.meta.url).href

function maybePath(file: unknown): string | undefined {
  try {
    if (file instanceof URL || (typeof file === 'string' && file.startsWith('file:')))
      return fileURLToPath(file)
    return typeof file === 'string' ? resolve(file) : undefined
  } catch {
    return undefined
  }
}

/** From now on `new Worker(new URL('./worker.ts', import.meta.url))` runs TypeScript. */
export function compileWorkers(data: LoaderData): void {
  const { Worker } = threads
  const hooks = `import { register } from 'node:module'; register(${JSON.stringify(loader)}, { data: ${JSON.stringify(data)} })`
  const flags = ['--enable-source-maps', '--import', `data:text/javascript,${encodeURIComponent(hooks)}`]
  // Processes that do the trials of a notebook import as its cells do.
  Object.defineProperty(globalThis, Symbol.for('gradbook.workerFlags'), { value: flags, configurable: true })
  class CellWorker extends Worker {
    constructor(file: string | URL, options: WorkerOptions = {}) {
      const path = options?.eval ? undefined : maybePath(file)
      const found = path === undefined ? undefined : findFile(path)
      if (found === undefined || !isTyped(found)) super(file, options)
      else super(found, { ...options, execArgv: [...(options.execArgv ?? []), ...flags] })
    }
  }
  Object.defineProperty(CellWorker, 'name', { value: 'Worker' })
  threads.Worker = CellWorker
  syncBuiltinESMExports()
}
