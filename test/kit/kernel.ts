/** The real kernel in a process of its own, over real zeromq, for tests. */
import { afterAll, beforeAll } from 'vitest'
import {
  KernelProcess,
  startKernel as start,
  type ExecuteOptions,
  type Message,
  type StartOptions,
} from '../../kernel/cli/client/index.js'
import { CellOutputs, type Output } from '../../kernel/cli/notebook/outputs.js'

/** What a cell came to. */
export interface Ran {
  /** 'ok', 'error' or 'aborted'. */
  status: string
  /** The content of `execute_reply`. */
  reply: any
  replyMessage: Message
  /** As a notebook would store them. */
  outputs: Output[]
  /** All that came over IOPub for this cell, busy and idle included. */
  messages: Message[]
}

export interface TestKernel extends KernelProcess {
  /** Runs a cell and collects its outputs. Rejects after `timeout` (20 s) milliseconds. */
  run(code: string, options?: ExecuteOptions & { timeout?: number }): Promise<Ran>
}

async function run(
  this: KernelProcess,
  code: string,
  { timeout = 20_000, ...options }: ExecuteOptions & { timeout?: number } = {},
): Promise<Ran> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the cell took more than ${timeout} ms:\n${code}\n${this.said}`)),
      timeout,
    )
  })
  try {
    const { reply, messages } = await Promise.race([this.execute(code, options), late])
    const cell = new CellOutputs()
    for (const message of messages) cell.take(message)
    return {
      status: reply.content.status,
      reply: reply.content,
      replyMessage: reply,
      outputs: cell.outputs,
      messages,
    }
  } finally {
    clearTimeout(timer)
  }
}

/** Starts a kernel. It ends with `await kernel.shutdown()`, with `await using`, and at the latest with this process. */
export async function startKernel(options?: StartOptions): Promise<TestKernel> {
  return Object.assign(await start(options), { run })
}

/** One kernel for all tests of a `describe` or a file: started before them, ended after them. */
export function useKernel(options?: StartOptions): TestKernel {
  let kernel: TestKernel | undefined
  beforeAll(async () => {
    kernel = await startKernel(options)
  })
  afterAll(async () => {
    await kernel?.shutdown()
  })
  return new Proxy({} as TestKernel, {
    get(_, key) {
      if (!kernel) throw new Error('the kernel is there only inside tests')
      const value = Reflect.get(kernel, key, kernel)
      return typeof value === 'function' ? value.bind(kernel) : value
    },
  })
}

/** What a reader sees of the outputs as plain text: streams, `text/plain` of displays and results, errors without colours. */
export function text(outputs: readonly Output[]): string {
  return outputs
    .map((output) =>
      output.output_type === 'stream'
        ? output.text
        : output.output_type === 'error'
          ? plain(output.traceback.join('\n'))
          : (output.data['text/plain'] ?? ''),
    )
    .join('')
}

/** The last result of the cell as text, `undefined` when it showed none. */
export function result(outputs: readonly Output[]): string | undefined {
  const last = outputs.findLast((output) => output.output_type === 'execute_result')
  return last && 'data' in last ? last.data['text/plain'] : undefined
}

/** What was written to a stream. */
export function stream(outputs: readonly Output[], name: 'stdout' | 'stderr' = 'stdout'): string {
  return outputs
    .map((output) => (output.output_type === 'stream' && output.name === name ? output.text : ''))
    .join('')
}

/** The error of the cell, if it has one. */
export function error(
  outputs: readonly Output[],
): { ename: string; evalue: string; text: string } | undefined {
  const found = outputs.find((output) => output.output_type === 'error')
  if (found?.output_type !== 'error') return undefined
  return { ename: found.ename, evalue: found.evalue, text: plain(found.traceback.join('\n')) }
}

/** Text without terminal colours. */
export function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\x1b\[[0-9;]*m/g, '')
}
