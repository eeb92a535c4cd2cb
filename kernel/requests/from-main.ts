/** What the main thread says, a row for each kind of it, and what children and native code have written beside. */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads'
import type { Descriptors } from '../descriptors.js'
import { Written } from '../json.js'
import { keep } from '../log.js'
import { Shared, writeCost, type ToProtocol } from '../port.js'
import type { Parent, Wire } from '../wire/index.js'
import type { Causes } from './cells/causes.js'
import { rememberChild } from './cells/child-processes.js'
import type { Stopper } from './cells/stop.js'
import type { Subshells } from './cells/subshells.js'
import type { Comms } from './comms/comms.js'
import { readDescriptors } from './descriptors.js'
import type { Questions } from './questions.js'
import { toWireBundle } from './wire-bundle.js'

interface Uses {
  main: MessagePort
  descriptors: Descriptors | undefined
  shared: Int32Array
  wire: Wire
  causes: Causes
  subshells: Subshells
  stopper: Stopper
  comms: Comms
  questions: Questions
  /** Called when a cell has ended by itself. */
  onDone(): void
  /** Called when the process is about to end with this code. */
  leave(code: number): Promise<void>
}

type Said<Type extends ToProtocol['type']> = Extract<ToProtocol, { type: Type }>

/** What a silent cell does not publish. */
const quiet = new Set<ToProtocol['type']>(['write', 'show', 'clear', 'failed'])

export function listenToMain({
  main,
  descriptors,
  shared,
  wire,
  causes,
  subshells,
  stopper,
  comms,
  questions,
  onDone,
  leave,
}: Uses): void {
  const parentOf = (cause: number): Parent => causes.messageOf(cause)?.header ?? {}

  /** Output has left: whoever waits to write more may go on. */
  function left(length: number, writes: number): void {
    Atomics.sub(shared, Shared.backlog, length + writes * writeCost)
    Atomics.notify(shared, Shared.backlog)
  }

  const hear: { readonly [Type in ToProtocol['type']]: (said: Said<Type>) => void } = {
    ready: () => {},
    write: ({ cause, stream, text }) => wire.stream(parentOf(cause), stream, text, left),
    show({ cause, shown, displayId, update }) {
      const transient = displayId === undefined ? {} : { display_id: displayId }
      const parent = parentOf(cause)
      const type = update ? 'update_display_data' : 'display_data'
      if ('json' in shown)
        return wire.publish(parent, type, { data: new Written(shown.json), metadata: {}, transient })
      wire.publishLater(
        parent,
        type,
        toWireBundle(shown).then((bundle) => ({ ...bundle, transient })),
      )
    },
    clear: ({ cause, wait }) => wire.publish(parentOf(cause), 'clear_output', { wait }),
    failed: ({ cause, problem }) => wire.publish(parentOf(cause), 'error', problem),
    drain() {
      beside.drain()
      Atomics.add(shared, Shared.drained, 1)
      Atomics.notify(shared, Shared.drained)
    },
    done({ cause, outcome }) {
      beside.drain()
      onDone()
      subshells.runningCell(cause)?.finish(outcome)
    },
    abandoned: () => stopper.abandoned(),
    comm: ({ cause, comm }) => comms.send(causes.messageOf(cause), comm),
    handled: ({ cause, unknown }) => comms.handled(cause, unknown === true),
    looked: ({ id, found }) => questions.looked(id, found),
    ask: (question) => questions.ask(question),
    interrupt: () => stopper.stop(),
    child({ pid, alive }) {
      keep(`${alive ? '+' : '-'} ${pid}`)
      rememberChild(pid, alive)
    },
    exiting: ({ code }) => void leave(code),
  }

  function receive(message: ToProtocol): void {
    if ('cause' in message && causes.isSilent(message.cause) && quiet.has(message.type)) {
      if (message.type === 'write') left(message.text.length, 1)
      return
    }
    const heard = hear[message.type] as (said: ToProtocol) => void
    heard(message)
  }

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

  main.on('message', receive)
  const beside = readDescriptors(descriptors, catchUp, (stream, text) => {
    const cause = subshells.main.running?.cause ?? subshells.main.latest
    if (!causes.isSilent(cause)) wire.stream(parentOf(cause), stream, text)
  })
}
