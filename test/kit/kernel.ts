/** The real kernel in a process of its own, over real zeromq, for tests. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  KernelProcess,
  startKernel as start,
  type ExecuteOptions,
  type Message,
  type StartOptions,
} from '../../kernel/cli/client/index.js'
import { CellOutputs, type Output } from '../../kernel/cli/notebook/outputs.js'
import { patience } from './patience.js'
import { shared } from './shared.js'

type RunOptions = ExecuteOptions & { timeout?: number }

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
  /** Runs a cell and collects its outputs. Rejects after `timeout` (`patience`) milliseconds. */
  run(code: string, options?: RunOptions): Promise<Ran>
  /** Sends a cell and resolves when it runs; `ended` is what it comes to. */
  begin(code: string, options?: RunOptions): Promise<{ ended: Promise<Ran> }>
  /** Presses Stop in a cell, `after` (0) milliseconds after it has begun to run. */
  stop(code: string, options?: RunOptions & { after?: number }): Promise<Ran>
}

async function run(
  this: KernelProcess,
  code: string,
  { timeout = patience, ...options }: RunOptions = {},
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

/** What a cell that was begun prints first; it is left out of its outputs. */
const mark = '(it runs)\n'

async function begin(
  this: TestKernel,
  code: string,
  options: RunOptions = {},
): Promise<{ ended: Promise<Ran> }> {
  const begun = this.wait(
    ({ header, content }) => header.msg_type === 'stream' && content.text.startsWith(mark),
  )
  begun.catch(() => {})
  const marked = code.replace(
    /^(\/\/ @ts-nocheck\n)?/,
    `$1process.stdout.write(${JSON.stringify(mark).replaceAll('$', '$$$$')}); `,
  )
  const ended = this.run(marked, options).then((ran) => {
    const [first] = ran.outputs
    if (first?.output_type === 'stream' && first.text.startsWith(mark)) {
      first.text = first.text.slice(mark.length)
      if (first.text === '') ran.outputs.shift()
    }
    return ran
  })
  ended.catch(() => {})
  await Promise.race([begun, ended])
  return { ended }
}

async function stop(
  this: TestKernel,
  code: string,
  { after = 0, ...options }: RunOptions & { after?: number } = {},
): Promise<Ran> {
  const { ended } = await this.begin(code, options)
  await sleep(after)
  await this.interrupt()
  return ended
}

/** Starts a kernel. It ends with `await kernel.shutdown()`, with `await using`, and at the latest with this process. */
export async function startKernel(options?: StartOptions): Promise<TestKernel> {
  return Object.assign(await start({ timeout: patience, ...options }), { run, begin, stop })
}

/** One kernel for all tests of a `describe` or a file: started before them, ended after them. */
export const useKernel = (options?: StartOptions): TestKernel =>
  shared(
    'the kernel',
    () => startKernel(options),
    (kernel) => kernel.shutdown(),
  )

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
