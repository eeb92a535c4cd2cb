/** What answers each request. An `execute_request` on shell is not here: it waits in a queue (cells/execute.ts). */
import type { StandIn } from '../port.js'
import type { Wire } from '../wire/index.js'
import { onComplete, onInspect, onIsComplete, type AssistUses } from './assist.js'

import { onInterrupt, type Stopper } from './cells/stop.js'
import { onCreateSubshell, onDeleteSubshell, onListSubshell } from './cells/subshells.js'
import { onCommData, onCommInfo, onCommOpen, type Comms } from './comms/comms.js'
import { onDebug, type Debugging } from './debug.js'
import type { Handler } from './handler.js'
import { onHistory, type History } from './history.js'
import { onKernelInfo } from './info.js'

interface Uses extends AssistUses {
  wire: Wire
  /** The kernel that this one stands in for. */
  as: StandIn | undefined
  history: History
  comms: Comms
  debugging: Debugging
  stopper: Stopper
  /** Ends the kernel once everything has been sent. */
  exit(): void
}

const onConnect =
  (wire: Wire): Handler =>
  () => ({ status: 'ok', ...wire.ports })

const onShutdown =
  (wire: Wire, exit: () => void): Handler =>
  ({ message, parent }) => {
    const content = { status: 'ok', restart: message.content.restart === true }
    // The other front ends of this kernel hear it too.
    wire.publish(parent, 'shutdown_reply', content)
    setImmediate(exit)
    return content
  }

/** By message type. */
export function createHandlers(uses: Uses): Record<string, Handler> {
  const { wire, as, subshells, history, comms, debugging, stopper, exit } = uses
  return {
    kernel_info_request: onKernelInfo(as),
    connect_request: onConnect(wire),
    complete_request: onComplete(uses),
    inspect_request: onInspect(uses),
    is_complete_request: onIsComplete(uses),
    history_request: onHistory(history),
    comm_info_request: onCommInfo(comms),
    comm_open: onCommOpen(comms),
    comm_msg: onCommData(comms, 'message'),
    comm_close: onCommData(comms, 'close'),
    debug_request: onDebug(debugging),
    interrupt_request: onInterrupt(stopper),
    shutdown_request: onShutdown(wire, exit),
    create_subshell_request: onCreateSubshell(subshells),
    delete_subshell_request: onDeleteSubshell(subshells),
    list_subshell_request: onListSubshell(subshells),
  }
}
