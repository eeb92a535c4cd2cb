export { KernelClient, KernelDied, type Executed, type ExecuteOptions } from './client.js'
export { findFreePorts, type Connection } from './connection.js'
export {
  createMessage,
  decodeMessage,
  encodeMessage,
  sign,
  type Channel,
  type Header,
  type Message,
} from './message.js'
export type { Exit } from './child.js'
export { KernelProcess, startKernel, type StartOptions } from './process.js'
