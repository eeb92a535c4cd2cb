/** Which kernels are ours: by what they say of themselves, since a kernelspec may have any name. */
import type { ISessionContext } from '@jupyterlab/apputils'
import type { Kernel, KernelMessage } from '@jupyterlab/services'

const isOurs = async (kernel: Kernel.IKernelConnection): Promise<boolean> =>
  (await kernel.info).implementation === 'gradbook'

/**
 * Calls `onKernel` with each gradbook kernel that the session has, now and after every change or restart; what it
 * returns is called when that kernel is gone.
 */
export function followKernel(
  session: ISessionContext,
  onKernel: (kernel: Kernel.IKernelConnection) => () => void,
): () => void {
  let leave: (() => void) | undefined
  let turn = 0
  async function follow(): Promise<void> {
    const mine = ++turn
    leave?.()
    leave = undefined
    const kernel = session.session?.kernel
    if (!kernel || kernel.isDisposed) return
    const ours = await isOurs(kernel).catch(() => false)
    if (mine === turn && ours && !kernel.isDisposed) leave = onKernel(kernel)
  }
  const onStatus = (_: unknown, status: Kernel.Status): void => {
    if (status === 'restarting' || status === 'autorestarting') {
      turn++
      leave?.()
      leave = undefined
    } else if (!leave && status === 'idle') void follow()
  }
  const onChange = (): void => void follow()
  session.kernelChanged.connect(onChange)
  session.statusChanged.connect(onStatus)
  void session.ready.then(follow)
  return () => {
    turn++
    session.kernelChanged.disconnect(onChange)
    session.statusChanged.disconnect(onStatus)
    leave?.()
  }
}

/** Calls `onEnd` whenever a cell has ended. Returns how to stop that. */
export function onCellEnd(kernel: Kernel.IKernelConnection, onEnd: () => void): () => void {
  const listen = (_: unknown, message: KernelMessage.IIOPubMessage): void => {
    if (message.header.msg_type !== 'status') return
    const { execution_state: state } = message.content as KernelMessage.IStatusMsg['content']
    const cause = (message.parent_header as { msg_type?: string }).msg_type
    if (state === 'idle' && cause === 'execute_request') onEnd()
  }
  kernel.iopubMessage.connect(listen)
  return () => void kernel.iopubMessage.disconnect(listen)
}

/**
 * Asks again after 1, 4 and 16 seconds: a page that connects to a kernel at work may not be subscribed yet when the first
 * answer is published (Jupyter's server makes sure of it only where the kernel is idle). Returns what to call when an answer
 * has come, or none is wanted any more.
 */
export function askUntilAnswered(ask: () => void): () => void {
  const waits = [1_000, 4_000, 16_000]
  let timer: ReturnType<typeof setTimeout> | undefined
  const askNow = (): void => {
    ask()
    const wait = waits.shift()
    if (wait !== undefined) timer = setTimeout(askNow, wait)
  }
  askNow()
  return () => clearTimeout(timer)
}
