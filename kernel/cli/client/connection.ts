import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'

/** What a connection file says: where a kernel listens and how its messages are signed. */
export interface Connection {
  transport: 'tcp'
  ip: string
  shell_port: number
  iopub_port: number
  stdin_port: number
  control_port: number
  hb_port: number
  key: string
  signature_scheme: 'hmac-sha256'
  kernel_name: string
}

/** Ports of this machine that nobody listens on: all are held at once, so that they differ, and then let go. */
export async function findFreePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer()
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** What a connection file says whose kernel shall take any free ports (0) and write them down: nobody can have them before it. */
export function createConnection(): Connection {
  return {
    transport: 'tcp',
    ip: '127.0.0.1',
    shell_port: 0,
    iopub_port: 0,
    stdin_port: 0,
    control_port: 0,
    hb_port: 0,
    key: randomUUID(),
    signature_scheme: 'hmac-sha256',
    kernel_name: 'gradbook',
  }
}

/** The same with free ports, for kernels that listen where they are told: another process may be quicker there. */
export async function createConnectionWithPorts(): Promise<Connection> {
  const [shell_port, iopub_port, stdin_port, control_port, hb_port] = await findFreePorts(5)
  return { ...createConnection(), shell_port, iopub_port, stdin_port, control_port, hb_port } as Connection
}

/** The connection once the kernel has written its ports down; `undefined` before that. */
export function maybeReadConnection(file: string): Connection | undefined {
  try {
    const connection = JSON.parse(readFileSync(file, 'utf8')) as Connection
    return connection.hb_port === 0 ? undefined : connection
  } catch {
    // It is being written.
    return undefined
  }
}

/** Writes it so that only this user can read the key. */
export function writeConnectionFile(file: string, connection: Connection): void {
  writeFileSync(file, JSON.stringify(connection, null, 2), { mode: 0o600 })
}
