/**
 * The protocol thread, put together: sockets, type service, and the one queue of what goes out. User code never runs here.
 * What comes in by the sockets is answered by requests/answer.ts, cells by requests/cells/execute.ts; what the main thread says
 * is heard in requests/from-main.ts.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { log } from './log.js'
import type { ProtocolData, ToMain } from './port.js'
import { first, opened } from './protocol-start.js'
import { createAnswer } from './requests/answer.js'
import { Causes } from './requests/cells/causes.js'
import { Executor } from './requests/cells/execute.js'
import { prepareCells } from './requests/cells/prepare.js'
import { Stopper } from './requests/cells/stop.js'
import { noSuchSubshell, Subshells } from './requests/cells/subshells.js'
import { Comms } from './requests/comms/comms.js'
import { serveDiagnostics } from './requests/comms/diagnostics.js'
import { KeptOutputs, keepOutputs } from './requests/comms/kept-outputs.js'
import { serveOutputs } from './requests/comms/outputs-comm.js'
import { Debugging } from './requests/debug.js'
import { listenToMain } from './requests/from-main.js'
import { createHandlers } from './requests/handlers.js'
import { History } from './requests/history.js'
import { createExit } from './requests/leave.js'
import { Questions } from './requests/questions.js'

const { shared, answers, folder, home, as, descriptors, parent } = workerData as ProtocolData
const main = parentPort!
const post = (message: ToMain): void => main.postMessage(message)

const outputs = new KeptOutputs()
const wire = keepOutputs(opened, outputs)
/** Settles with the first request. */
let hear!: () => void
const isHeard = new Promise<void>((resolve) => (hear = resolve))
const cells = prepareCells(
  { folder, home, as, tell: log },
  first,
  isHeard.then(() => wire.flush()),
)
const language = cells.then((prepared) => prepared.language)
const compiler = cells.then((prepared) => prepared.compiler)

const causes = new Causes()
const subshells = new Subshells()
const history = new History()
const questions = new Questions({ wire, log, post, shared, causes, answers })
const comms = new Comms({ wire, log, post, causes, isBusy: () => subshells.main.isBusy })
serveDiagnostics({ comms, language, log })
serveOutputs(comms, outputs)
const interrupt = (): void => stopper.stop()
const debugging = new Debugging({ wire, log, shared, subshells, language, compiler, interrupt, folder, home })
const stopper = new Stopper({ wire, log, post, shared, causes, subshells, questions, debugging })
const executor = new Executor({
  wire,
  log,
  post,
  shared,
  causes,
  subshells,
  stopper,
  history,
  debugging,
  language,
  compiler,
  onRest: () => comms.cellsEnded(),
})
const { exit, leave } = createExit({ wire, post, shared, subshells, debugging, language })
const handlers = createHandlers({
  wire,
  as,
  language,
  questions,
  subshells,
  history,
  comms,
  debugging,
  stopper,
  exit,
})
const answer = createAnswer({ handlers, wire, log, subshells })

wire.listen({
  onAnswer: (message) => questions.receive(message),
  onRequest: (channel, message) => {
    hear()
    if (message.header.msg_type !== 'execute_request' || channel !== 'shell')
      return void answer(channel, message)
    const { subshell_id } = message.header
    const queue = subshells.find(subshell_id)
    if (!queue) return executor.refuse(message, noSuchSubshell(subshell_id))
    outputs.expect(message)
    executor.push(queue, message)
  },
})

/** Given by protocol-load.ts. */
declare const $keepCode: () => void

let isKept = false
/** What a start and a first cell take has been compiled. A second later nobody waits for the 10 ms that keeping it takes. */
function keepCodeSoon(): void {
  if (isKept) return
  isKept = true
  setTimeout($keepCode, 1_000).unref()
}

listenToMain({
  main,
  descriptors,
  shared,
  wire,
  causes,
  subshells,
  stopper,
  comms,
  questions,
  onDone: keepCodeSoon,
  leave,
})

// The side that started the kernel is gone: nobody can talk to it any more.
if (parent !== undefined && process.ppid === parent)
  setInterval(() => process.ppid !== parent && exit(), 1_000).unref()
