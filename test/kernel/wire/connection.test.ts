import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findFreePorts, KernelClient, type Connection } from '../../../kernel/cli/client/index.js'
import { kernelCommand } from '../../../kernel/cli/own-files.js'
import {
  error,
  isRunning,
  result,
  runProgram,
  startKernel,
  temporaryFolder,
  useKernel,
} from '../../kit/index.js'

const kernel = useKernel()

describe('the connection', () => {
  test('file is readable by its owner alone, whoever wrote it', async () => {
    const own = await startKernel()
    try {
      expect(statSync(own.connectionFile).mode & 0o777).toBe(0o600)
      chmodSync(own.connectionFile, 0o600)
    } finally {
      await own.shutdown()
    }
  })

  test('file that is not there yet is made, for this user alone, with ports that are free', async () => {
    const folder = temporaryFolder()
    const file = join(folder, 'connection.json')
    const [command, ...args] = kernelCommand(file)
    const child = spawn(command!, args, { stdio: 'ignore' })
    const exited = new Promise((resolve) => child.once('exit', resolve))
    try {
      const read = (): Connection | undefined => {
        try {
          return JSON.parse(readFileSync(file, 'utf8')) as Connection
        } catch {
          return undefined
        }
      }
      await expect.poll(() => read()?.hb_port ?? 0).toBeGreaterThan(0)
      expect(statSync(file).mode & 0o777).toBe(0o600)
      const client = new KernelClient(read()!)
      expect((await client.ready()).status).toBe('ok')
      await client.request('control', 'shutdown_request', { restart: false })
      client.close()
      await exited
    } finally {
      child.kill('SIGKILL')
    }
  })

  test('listens on the loopback alone', () => {
    const { stdout, error } = spawnSync('ss', ['-ltnH'], { encoding: 'utf8' })
    if (error) return
    const port = `:${kernel.connection.shell_port} `
    const line = stdout.split('\n').find((row) => row.includes(port))
    expect(line).toMatch(/127\.0\.0\.1:/)
  })
})

describe('a port that somebody else has', () => {
  /** Starts a kernel whose control port is taken until `release` is called. */
  async function startBeside(): Promise<{
    connection: Connection
    child: ChildProcess
    said: () => string
    exited: Promise<number | null>
    release: () => void
  }> {
    const names = ['control_port', 'shell_port', 'iopub_port', 'stdin_port', 'hb_port']
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const ports = [(server.address() as AddressInfo).port, ...(await findFreePorts(4))]
    const connection = {
      ...Object.fromEntries(names.map((name, index) => [name, ports[index]])),
      transport: 'tcp',
      ip: '127.0.0.1',
      key: 'a key',
      signature_scheme: 'hmac-sha256',
    } as Connection
    const file = join(temporaryFolder(), 'connection.json')
    writeFileSync(file, JSON.stringify(connection))
    const [command, ...args] = kernelCommand(file)
    const child = spawn(command!, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', (text: Buffer) => (said += text.toString()))
    const exited = new Promise<number | null>((resolve) => child.once('close', resolve))
    return { connection, child, said: () => said, exited, release: () => server.close() }
  }

  test('is waited for, with a line in the log', async () => {
    const { connection, child, said, exited, release } = await startBeside()
    try {
      await expect.poll(said).toMatch(/the control_port, tcp:\/\/127\.0\.0\.1:\d+, is in use/)
      release()
      const client = new KernelClient(connection)
      expect((await client.ready()).status).toBe('ok')
      await client.request('control', 'shutdown_request', { restart: false })
      client.close()
      expect(await exited).toBe(0)
    } finally {
      child.kill('SIGKILL')
    }
  })

  test('for good ends the kernel with 1 and the reason', async () => {
    const { said, exited, release } = await startBeside()
    expect(await exited).toBe(1)
    expect(said()).toMatch(
      /the kernel cannot start: its control_port, tcp:\/\/127\.0\.0\.1:\d+, cannot be listened on/,
    )
    release()
  })
})

const anyPorts = { shell_port: 0, iopub_port: 0, stdin_port: 0, control_port: 0, hb_port: 0 }
for (const [name, text] of Object.entries({
  'is not JSON': '{',
  'has no ports': '{"ip":"127.0.0.1"}',
  'asks for a signature that nobody can make': JSON.stringify({
    ...anyPorts,
    signature_scheme: 'hmac-nonsense',
  }),
  'names an address of another machine': JSON.stringify({ ...anyPorts, ip: '192.0.2.1' }),
}))
  test(`a connection file that ${name} ends the kernel with 1 and a line that says so`, async () => {
    const file = join(temporaryFolder(), 'connection.json')
    writeFileSync(file, text)
    const [command, ...args] = kernelCommand(file)
    const { code, stderr } = await runProgram(command!, args)
    expect(stderr).toMatch(/^\[gradbook\] the kernel cannot start: /)
    expect(code).toBe(1)
  })

test('`gradbook kernel FILE` is the kernel itself, and takes SIGINT for Stop', async () => {
  const own = await startKernel({
    command: (file) => [process.execPath, resolve('bin/gradbook.mjs'), 'kernel', file],
  })
  try {
    expect(result((await own.run('process.pid')).outputs)).toBe(String(own.child.pid))
    const begun = own.wait(({ header }) => header.msg_type === 'stream')
    const running = own.run('console.log("begun"); await new Promise(() => {})')
    await begun
    own.child.kill('SIGINT')
    expect(error((await running).outputs)?.ename).toBe('Interrupted')
    expect(result((await own.run('1 + 1')).outputs)).toBe('2')
  } finally {
    await own.shutdown()
  }
})

test.skipIf(process.platform === 'win32')('a kernel ends with the process that started it', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'connection.json')
  // The shell is the parent that the variable names; it ends once the kernel has made its file.
  const script =
    'f=$1; shift; JPY_PARENT_PID=$$ "$@" & echo $!; until [ -s "$f" ]; do sleep 0.1; done; sleep 1; kill -0 $! && echo runs'
  const parent = spawn('sh', ['-c', script, 'sh', file, ...kernelCommand(file)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let said = ''
  parent.stdout.on('data', (text: Buffer) => (said += text.toString()))
  await new Promise((resolve) => parent.once('exit', resolve))
  await expect.poll(() => said).toMatch(/^\d+\nruns\n$/)
  await expect.poll(() => isRunning(parseInt(said))).toBe(false)
})
