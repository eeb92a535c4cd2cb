/**
 * The widgets of this process by id, and the comm targets through which front ends ask for them. They hang on a global
 * symbol, so that two copies of gradbook in one kernel answer with one voice.
 */
import { maybeHost, type Comm, type Host } from '../host.js'
import type { Packed, State } from './packing.js'

/** What the registry needs of a widget. */
export interface Registered {
  readonly id: string
  pack(): Packed
}
/** Makes the kernel's side of a widget that a front end created. */
export type Adopt = (comm: Comm, state: State, paths: (string | number)[][], buffers: Uint8Array[]) => void

interface Registry {
  widgets: Map<string, Registered>
  hosts: WeakSet<Host>
}
const key = Symbol.for('gradbook.widgets')
const registry = ((globalThis as { [key]?: Registry })[key] ??= { widgets: new Map(), hosts: new WeakSet() })

export const widgets: Map<string, Registered> = registry.widgets

/** All widgets in one message: what a front end asks for when it is opened anew (control protocol 1.0). */
function packAll() {
  const states: { [id: string]: object } = {}
  const paths: (string | number)[][] = []
  const buffers: ArrayBufferView[] = []
  for (const [id, widget] of widgets) {
    const packed = widget.pack()
    const { _model_module, _model_module_version, _model_name } = packed.state
    states[id] = {
      model_module: _model_module,
      model_module_version: _model_module_version,
      model_name: _model_name,
      state: packed.state,
    }
    paths.push(...packed.buffer_paths.map((path) => [id, 'state', ...path]))
    buffers.push(...packed.buffers)
  }
  return { data: { method: 'update_states', states, buffer_paths: paths }, buffers }
}

/** The host that widgets are shown on, with the widget comm targets registered, if there is one. */
export function widgetHost(adopt: Adopt): Host | undefined {
  const host = maybeHost()
  if (!host || registry.hosts.has(host)) return host
  registry.hosts.add(host)
  host.comms.registerTarget('jupyter.widget.control', (comm) => {
    comm.onMsg((message) => {
      if (message?.method !== 'request_states') return
      const { data, buffers } = packAll()
      comm.send(data, { buffers })
    })
  })
  host.comms.registerTarget('jupyter.widget', (comm, data, buffers) => {
    adopt(comm, data?.state ?? {}, data?.buffer_paths ?? [], buffers)
  })
  return host
}
