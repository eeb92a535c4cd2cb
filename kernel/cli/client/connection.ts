import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
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

export async function createConnection(): Promise<Connection> {
  const [shell_port, iopub_port, stdin_port, control_port, hb_port] = (await findFreePorts(5)) as [
    number,
    number,
    number,
    number,
    number,
  ]
  return {
    transport: 'tcp',
    ip: '127.0.0.1',
    shell_port,
    iopub_port,
    stdin_port,
    control_port,
    hb_port,
    key: randomUUID(),
    signature_scheme: 'hmac-sha256',
    kernel_name: 'gradbook',
  }
}

/** Writes it so that only this user can read the key. */
export function writeConnectionFile(file: string, connection: Connection): void {
  writeFileSync(file, JSON.stringify(connection, null, 2), { mode: 0o600 })
}
