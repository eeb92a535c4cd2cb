import { getHashes, randomUUID } from 'node:crypto'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'

/** Where to listen and how to sign, as a connection file says it (names are the protocol's). A port of 0 is any free one. */
export interface Connection {
  transport: 'tcp' | 'ipc'
  /** Of tcp the address to listen on, of ipc the path that the sockets' names begin with. */
  ip: string
  shell_port: number
  control_port: number
  stdin_port: number
  iopub_port: number
  hb_port: number
  key: string
  signature_scheme: string
  /** Keys of CurveZMQ (Z85): where they are given, what goes over the sockets is encrypted. */
  curve_publickey?: string
  curve_secretkey?: string
}

const ports = ['shell_port', 'control_port', 'stdin_port', 'iopub_port', 'hb_port'] as const
export type Port = (typeof ports)[number]

/** Reads a connection file and makes it readable by this user alone: it holds the key that lets one run code here. */
export function readConnection(file: string): Connection {
  if (!existsSync(file)) return createConnection(file)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
    chmodSync(file, 0o600)
  } catch (error) {
    throw new Error(`the connection file ${file} could not be read: ${(error as Error).message}`, {
      cause: error,
    })
  }
  let read: Partial<Connection>
  try {
    read = JSON.parse(text) as Partial<Connection>
  } catch (error) {
    throw new Error(`the connection file ${file} is not JSON: ${(error as Error).message}`, { cause: error })
  }
  for (const port of ports)
    if (!Number.isInteger(read[port]) || read[port]! < 0 || read[port]! > 65_535)
      throw new Error(`the connection file ${file} has no valid ${port}: received ${String(read[port])}`)
  const { transport = 'tcp', ip = '127.0.0.1', key = '', signature_scheme = 'hmac-sha256' } = read
  if (!(transport === 'tcp' || (transport === 'ipc' && process.platform !== 'win32')))
    throw new Error(
      `the connection file ${file} asks for the transport '${transport}'; what is spoken here is tcp and, but for Windows, ipc`,
    )
  const [, digest] = /^hmac-(.+)$/.exec(signature_scheme) ?? []
  if (!digest || !getHashes().includes(digest))
    throw new Error(
      `the connection file ${file} asks for the signature scheme '${signature_scheme}', expected hmac- and a hash that Node knows, such as hmac-sha256`,
    )
  return { ...(read as Connection), transport, ip, key, signature_scheme }
}

/** A kernel that is started by hand, before there is a file: any free ports of the loopback, written down for clients. */
function createConnection(file: string): Connection {
  const connection: Connection = {
    transport: 'tcp',
    ip: '127.0.0.1',
    shell_port: 0,
    control_port: 0,
    stdin_port: 0,
    iopub_port: 0,
    hb_port: 0,
    key: randomUUID(),
    signature_scheme: 'hmac-sha256',
  }
  writeConnection(file, connection)
  return connection
}

export function writeConnection(file: string, connection: Connection): void {
  writeFileSync(file, `${JSON.stringify(connection, null, 2)}\n`, { mode: 0o600 })
}
