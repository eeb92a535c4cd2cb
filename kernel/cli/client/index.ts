export { KernelClient, KernelDied, type Executed, type ExecuteOptions } from './client.js'
export { createConnection, findFreePorts, writeConnectionFile, type Connection } from './connection.js'
export {
  createMessage,
  decodeMessage,
  encodeMessage,
  sign,
  type Channel,
  type Header,
  type Message,
} from './message.js'
export { KernelProcess, startKernel, type Exit, type StartOptions } from './process.js'
