/** The command line as a user types it. */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { patience } from './patience.js'

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

const gradbookProgram = resolve('bin/gradbook.mjs')

/** Runs a program to its end. Rejects after `timeout` milliseconds. */
export function runProgram(
  program: string,
  args: readonly string[],
  {
    folder,
    env,
    timeout = patience,
    input,
  }: { folder?: string; env?: NodeJS.ProcessEnv; timeout?: number; input?: string } = {},
): Promise<Finished> {
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin?.end(input)
  return new Promise((done, fail) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      fail(new Error(`${program} ${args.join(' ')} took more than ${timeout} ms:\n${stdout}${stderr}`))
    }, timeout)
    child.once('error', fail)
    child.once('close', (code) => {
      clearTimeout(timer)
      done({ code, stdout, stderr })
    })
  })
}

/** `gradbook ARGS`. */
export function gradbook(
  args: readonly string[],
  options?: Parameters<typeof runProgram>[2],
): Promise<Finished> {
  return runProgram(process.execPath, [gradbookProgram, ...args], options)
}
