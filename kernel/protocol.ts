/** The protocol thread: sockets, type service, and the one queue of what goes out. User code never runs here. */
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { Written } from './json.js'
import { keep, log } from './log.js'
import { first, opened } from './protocol-start.js'
import { Shared, writeCost, type ProtocolData, type ToMain, type ToProtocol } from './port.js'
import { onComplete, onInspect, onIsComplete } from './requests/assist.js'
import { Causes } from './requests/causes.js'
import { endAllChildren, rememberChild } from './requests/children.js'
import { Comms, onCommClose, onCommInfo, onCommMessage, onCommOpen } from './requests/comms.js'
import { Debugging, onDebug } from './requests/debug.js'
import { readDescriptors } from './requests/descriptors.js'
import { Executor } from './requests/execute.js'
import { History, onHistory } from './requests/history.js'
import { onKernelInfo } from './requests/info.js'
import type { Handler, Kernel } from './requests/kernel.js'
import { OutputComms } from './requests/outputs.js'
import { prepareCells } from './requests/prepare.js'
import { Questions } from './requests/questions.js'
import { OutputRecord, recordWire } from './requests/record.js'
import { onInterrupt, Stopper } from './requests/stop.js'
import {
  noSuchSubshell,
  onCreateSubshell,
  onDeleteSubshell,
  onListSubshell,
  Subshells,
} from './requests/subshells.js'
import { toWireBundle } from './requests/values.js'
import type { Message, Parent } from './wire/index.js'

const { shared, answers, folder, home, as, descriptors, parent } = workerData as ProtocolData
const main = parentPort!

const onShutdown: Handler = ({ message, parent }, kernel) => {
  const content = { status: 'ok', restart: message.content.restart === true }
  // The other front ends of this kernel hear it too.
  kernel.wire.publish(parent, 'shutdown_reply', content)
  setImmediate(() => kernel.exit())
  return content
}

const onConnect: Handler = (_, { wire }) => ({ status: 'ok', ...wire.ports })

const handlers: Record<string, Handler> = {
  kernel_info_request: onKernelInfo,
  connect_request: onConnect,
  complete_request: onComplete,
  inspect_request: onInspect,
  is_complete_request: onIsComplete,
  history_request: onHistory,
  comm_info_request: onCommInfo,
  comm_open: onCommOpen,
  comm_msg: onCommMessage,
  comm_close: onCommClose,
  debug_request: onDebug,
  interrupt_request: onInterrupt,
  shutdown_request: onShutdown,
  create_subshell_request: onCreateSubshell,
  delete_subshell_request: onDeleteSubshell,
  list_subshell_request: onListSubshell,
}

const kernel = { shared, as, log, post: (message: ToMain) => main.postMessage(message) } as Kernel
const record = new OutputRecord()
const wire = recordWire(opened, record)
/** Settles with the first request. */
let hear!: () => void
const isHeard = new Promise<void>((resolve) => (hear = resolve))
const cells = prepareCells(
  { folder, home, as, tell: log },
  first,
  isHeard.then(() => wire.flush()),
)
const executor = new Executor(kernel)
Object.assign(kernel, {
  wire,
  language: cells.then(({ language }) => language),
  compiler: cells.then(({ compiler }) => compiler),
  causes: new Causes(),
  executor,
  subshells: new Subshells(kernel, executor),
  history: new History(),
  comms: new Comms(kernel),
  outputs: new OutputComms(kernel, record),
  debugging: new Debugging(kernel, { folder, home }),
  questions: new Questions(kernel, answers),
  stopper: new Stopper(kernel),
  exit,
})
wire.listen({
  onAnswer: (message) => kernel.questions.receive(message),
  onRequest: (channel, message) => {
    hear()
    if (message.header.msg_type !== 'execute_request' || channel !== 'shell')
      return void answer(channel, message)
    const { subshell_id } = message.header
    const queue = kernel.subshells.find(subshell_id)
    if (!queue) return executor.refuse(message, noSuchSubshell(subshell_id))
    record.expect(message)
    queue.push(message)
  },
})

async function answer(channel: 'shell' | 'control', message: Message): Promise<void> {
  const type = message.header.msg_type
  const handler = Object.hasOwn(handlers, type) ? handlers[type] : undefined
  if (!handler) return log(`ignored a message on ${channel}: nothing answers '${type}'`)
  const parent = message.header
  wire.publish(parent, 'status', { execution_state: 'busy' })
  let content: object | undefined
  try {
    content = await handler({ channel, message, parent }, kernel)
  } catch (error) {
    const { name = 'Error', message: evalue = String(error), stack } = error as Error
    log(`${type} failed: ${stack}`)
    content = type.endsWith('_request') ? { status: 'error', ename: name, evalue, traceback: [] } : undefined
  }
  if (content) wire.reply(channel, message, content)
  wire.publish(parent, 'status', { execution_state: 'idle' })
  // Front ends show the last state they heard: a cell that runs is still busy.
  const [running] = kernel.subshells.running
  if (running) wire.publish(running.message.header, 'status', { execution_state: 'busy' })
}

const parentOf = (cause: number): Parent => kernel.causes.messageOf(cause)?.header ?? {}

function receive(message: ToProtocol): void {
  if ('cause' in message && kernel.causes.isSilent(message.cause) && quiet.has(message.type)) {
    if (message.type === 'write') left(message.text.length, 1)
    return
  }
  switch (message.type) {
    case 'ready':
      return
    case 'write':
      return wire.stream(parentOf(message.cause), message.stream, message.text, left)
    case 'show': {
      const { shown, displayId, update } = message
      const transient = displayId === undefined ? {} : { display_id: displayId }
      const parent = parentOf(message.cause)
      const type = update ? 'update_display_data' : 'display_data'
      if ('json' in shown)
        return wire.publish(parent, type, { data: new Written(shown.json), metadata: {}, transient })
      return wire.publishLater(
        parent,
        type,
        toWireBundle(shown).then((bundle) => ({ ...bundle, transient })),
      )
    }
    case 'clear':
      return wire.publish(parentOf(message.cause), 'clear_output', { wait: message.wait })
    case 'failed':
      return wire.publish(parentOf(message.cause), 'error', message.problem)
    case 'drain':
      beside.drain()
      Atomics.add(shared, Shared.drained, 1)
      Atomics.notify(shared, Shared.drained)
      return
    case 'done':
      beside.drain()
      keepCodeSoon()
      return kernel.subshells.runningCell(message.cause)?.finish(message.outcome)
    case 'abandoned':
      return kernel.stopper.abandoned()
    case 'comm':
      return kernel.comms.send(kernel.causes.messageOf(message.cause), message.comm)
    case 'handled':
      return kernel.comms.handled(message.cause, message.unknown === true)
    case 'looked':
      return kernel.questions.looked(message.id, message.found)
    case 'ask':
      return kernel.questions.ask(message)
    case 'interrupt':
      return kernel.stopper.stop()
    case 'child':
      keep(`${message.alive ? '+' : '-'} ${message.pid}`)
      return rememberChild(message.pid, message.alive)
    case 'exiting':
      void leave(message.code)
  }
}

/** Given by protocol-load.ts. */
declare const $keepCode: () => void

let isKept = false
/** What a start and a first cell take has been compiled. A second later nobody waits for the 10 ms that keeping it takes. */
function keepCodeSoon(): void {
  if (isKept) return
  isKept = true
  setTimeout($keepCode, 1_000).unref()
}

/** What a silent cell does not publish. */
const quiet = new Set<ToProtocol['type']>(['write', 'show', 'clear', 'failed'])

/** Output has left: whoever waits to write more may go on. */
function left(length: number, writes: number): void {
  Atomics.sub(shared, Shared.backlog, length + writes * writeCost)
  Atomics.notify(shared, Shared.backlog)
}
main.on('message', receive)

/**
 * Takes what the main thread had said before a child wrote. A `drain` among it stands for that child's end, and the main
 * thread waits for its answer: it is given, by the returned function, once what the child wrote has been taken.
 */
function catchUp(): (() => void) | undefined {
  for (let next = receiveMessageOnPort(main); next; next = receiveMessageOnPort(main)) {
    const { message } = next as { message: ToProtocol }
    if (message.type === 'drain') return () => receive(message)
    receive(message)
  }
  return undefined
}

const beside = readDescriptors(descriptors, catchUp, (stream, text) => {
  const cause = kernel.executor.running?.cause ?? kernel.executor.latest
  if (!kernel.causes.isSilent(cause)) wire.stream(parentOf(cause), stream, text)
})

/** User code called `process.exit`, or a signal came: its cell is answered, then the process may end. */
async function leave(code: number): Promise<void> {
  const evalue = `process.exit(${code}) ended the kernel`
  const { executors, running } = kernel.subshells
  for (const executor of executors) executor.abortQueued()
  for (const cell of running)
    cell.finish({
      status: 'error',
      problem: { ename: 'Exit', evalue, traceback: [`Exit: ${evalue}`] },
    })
  await Promise.race([Promise.all(executors.map((executor) => executor.rest())), sleep(1_000)])
  await wire.flush()
  endAllChildren()
  kernel.debugging.close()
  await Promise.race([closeLanguage(), sleep(200)])
  await Promise.race([wire.close(), sleep(200)])
  Atomics.store(shared, Shared.exit, 1)
  Atomics.notify(shared, Shared.exit)
}

/** Ends TypeScript, and removes the folder that it reads. */
const closeLanguage = (): Promise<void> =>
  kernel.language.then((language) => language.close()).catch(() => {})

let leaving = false
function exit(): void {
  if (leaving) return
  leaving = true
  main.postMessage({ type: 'exit' } satisfies ToMain)
  // User code that does not let the main thread end is not asked twice.
  setTimeout(async () => {
    await wire.flush()
    endAllChildren()
    await Promise.race([closeLanguage(), sleep(200)])
    process.kill(process.pid, 'SIGKILL')
  }, 1_000)
}

// The side that started the kernel is gone: nobody can talk to it any more.
if (parent !== undefined && process.ppid === parent)
  setInterval(() => process.ppid !== parent && exit(), 1_000).unref()
