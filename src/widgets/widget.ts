/**
 * A widget: state that lives here and in every front end that shows it, held in step by widget messages (protocol 2.1).
 *
 * The kernel's copy is the truth: what a front end sends is echoed to all of them, then checked and applied, then listeners
 * run. What cannot be is not applied, and the front ends are told what stands instead.
 */
import type { Comm } from '../host.js'
import { InputError } from '../errors.js'
import { staticHtml, staticText } from './fallback.js'
import { models, type Attributes } from './generated.js'
import { identityOf, isEchoed, type Model } from './model.js'
import { isSame, packState, reference, unpackState, type Packed, type State } from './packing.js'
import { widgetHost, widgets } from './registry.js'
import { checkType, settle } from './types.js'

/** What changed. `name` is the attribute, as in Jupyter's widget documentation. */
export interface Change<Value = any> {
  name: string
  old: Value
  value: Value
}
export type Listener<Value = any> = (change: Change<Value>) => void
/** Attributes to set: those that are widgets, as `layout`, can be given by their own attributes. */
export type Given<A> = {
  [Name in keyof A]?: unknown extends A[Name]
    ? A[Name]
    : A[Name] extends Widget<infer Inner>
      ? Partial<Inner> | Widget
      : A[Name]
}
type ValueOf<A> = A extends { value: infer Value } ? Value : any

const displaySymbol = Symbol.for('Jupyter.display')
const protocol = { version: '2.1.0' }

/** See the functions named after widgets (`FloatSlider`, `Button`, …): they make these, with their attributes typed. */
export class Widget<A = any> {
  /** The name in the specification: `FloatSlider`. */
  readonly kind: keyof Attributes
  /** The model id: how front ends know it. */
  readonly id: string
  readonly #model: Model
  readonly #state: State
  readonly #listeners: { name: string; listener: Listener }[] = []
  readonly #messageListeners: ((content: any, buffers: Uint8Array[]) => void)[] = []
  readonly #closeListeners: (() => void)[] = []
  #comm: Comm | undefined

  constructor(kind: keyof Attributes, attributes: object = {}, comm?: Comm) {
    this.kind = kind
    this.#model = models[kind]
    this.#state = { ...this.#model.defaults }
    for (const name of this.#model.bytes) this.#state[name] = new Uint8Array()
    for (const [name, value] of Object.entries(attributes))
      if (value !== undefined) this.#state[name] = this.#checked(name, value)
    this.#settle(this.#state, attributes as State)
    if (!comm) {
      for (const [name, inner] of Object.entries(this.#model.references))
        this.#state[name] ??= createWidget(inner as keyof Attributes)
      const { state, buffer_paths, buffers } = this.pack()
      const options = { metadata: protocol, buffers }
      comm = widgetHost(adopt)?.comms.open('jupyter.widget', { state, buffer_paths }, options)
    }
    this.#comm = comm
    this.id = comm?.id ?? `unshown-${widgets.size}-${Math.random().toString(36).slice(2)}`
    comm?.onMsg((data, buffers) => this.#onMessage(data, buffers))
    comm?.onClose(() => this.#forget())
    widgets.set(this.id, this)
  }

  get [reference](): string {
    return this.id
  }

  /** The value of an attribute: `widget.get('value')` is `widget.value`. */
  get<Name extends keyof A & string>(name: Name): A[Name] {
    return this.#state[name] as A[Name]
  }

  /** Sets several attributes in one message. Listeners hear of those that changed. */
  set(attributes: Given<A>): this {
    const wanted: State = {}
    for (const [name, value] of Object.entries(attributes)) wanted[name] = this.#checked(name, value)
    this.#settle(wanted, wanted)
    const changed = Object.fromEntries(
      Object.entries(wanted).filter(([name, value]) => !isSame(this.#state[name], value)),
    )
    if (Object.keys(changed).length === 0) return this
    this.#send('update', changed)
    this.#apply(changed)
    return this
  }

  /** Calls `listener` when the value changes, from a front end or from code. Returns the widget. */
  observe(listener: Listener<ValueOf<A>>): this
  /** Calls `listener` when the attribute `name` changes. */
  observe<Name extends keyof A & string>(name: Name, listener: Listener<A[Name]>): this
  observe(...given: [Listener] | [string, Listener]): this {
    const [name, listener] = given.length === 1 ? (['value', given[0]] as const) : given
    if (!(name in this.#state) && !(name in this))
      throw new InputError({
        where: `${this.kind}.observe`,
        received: `'${name}'`,
        expected: `one of ${this.#names().join(', ')}`,
        fix: `widget.observe('${this.#names()[0]}', ({ old, value }) => …)`,
      })
    this.#listeners.push({ name, listener })
    return this
  }

  /** Takes back what `observe` was given. */
  unobserve(listener: Listener): this {
    const at = this.#listeners.findIndex((one) => one.listener === listener)
    if (at >= 0) this.#listeners.splice(at, 1)
    return this
  }

  /** Calls `listener` for the custom messages of the front end: clicks and the like. */
  onMessage(listener: (content: any, buffers: Uint8Array[]) => void): this {
    this.#messageListeners.push(listener)
    return this
  }

  /** Sends a custom message to the front end's side of the widget. */
  send(content: unknown, buffers: ArrayBufferView[] = []): void {
    this.#comm?.send({ method: 'custom', content }, { buffers })
  }

  /** Calls `listener` when the widget is removed, from here or from a front end. */
  onClose(listener: () => void): this {
    this.#closeListeners.push(listener)
    return this
  }

  /** Removes the widget from every front end. */
  close(): void {
    this.#comm?.close()
    this.#forget()
  }

  /** @internal */
  pack(): Packed {
    return packState({ ...this.#state, ...identityOf(this.#model) })
  }

  /** With HTML and text beside it, which pages without a widget manager show instead of an empty box. */
  [displaySymbol](): object {
    const view = { model_id: this.id, version_major: 2, version_minor: 0 }
    return {
      // Front ends know nothing of one that was closed.
      ...(this.#comm && { 'application/vnd.jupyter.widget-view+json': view }),
      'text/html': staticHtml(this),
      'text/plain': staticText(this),
    }
  }

  /** Attributes by name, as they are now. @internal */
  entries(): Readonly<State> {
    return this.#state
  }

  /** Called with what changed before listeners are: for attributes that follow from others. */
  protected derive(_old: State, _changed: State): Change[] {
    return []
  }

  #names(): string[] {
    return Object.keys(this.#model.defaults).filter((name) => !name.startsWith('_'))
  }

  #checked(name: string, value: unknown): unknown {
    if (!(name in this.#model.defaults))
      throw new InputError({
        where: this.kind,
        received: `an attribute '${name}'`,
        expected: `one of ${this.#names().join(', ')}`,
        fix: 'check the spelling; names are those of Jupyter widgets, with underscores',
      })
    const kind = this.#model.references[name]
    const isPlain = value !== null && typeof value === 'object' && !(reference in value)
    if (kind && isPlain) return createWidget(kind as keyof Attributes, value)
    checkType(this.kind, name, value, this.#model.types[name]!)
    return value
  }

  /** Adds to `wanted`, of which `changed` is new, what follows from it. */
  #settle(wanted: State, changed: State): void {
    Object.assign(wanted, settle(this.kind, { ...this.#state, ...wanted }, changed))
  }

  #send(method: 'update' | 'echo_update', attributes: State): void {
    const { state, buffer_paths, buffers } = packState(attributes)
    this.#comm?.send({ method, state, buffer_paths }, { buffers })
  }

  #onMessage(data: any, buffers: Uint8Array[]): void {
    switch (data?.method) {
      case 'request_state':
        return this.#send('update', { ...this.#state, ...identityOf(this.#model) })
      case 'custom':
        return callAll(this.#messageListeners.map((listener) => () => listener(data.content, buffers)))
      case 'update':
        return this.#onUpdate(data, buffers)
      default:
        throw new InputError({
          where: `a message to a ${this.kind}`,
          received: `the method ${JSON.stringify(data?.method)}`,
          expected: "'update', 'request_state' or 'custom'",
        })
    }
  }

  #onUpdate(data: any, buffers: Uint8Array[]): void {
    const arrived = unpackState(data.state ?? {}, data.buffer_paths, buffers, (id) => widgets.get(id))
    const known = Object.entries(arrived).filter(([name]) => name in this.#model.defaults)
    const echoed = known.filter(([name]) => isEchoed(this.kind, name))
    if (echoed.length > 0) this.#send('echo_update', Object.fromEntries(echoed))
    const wanted = Object.fromEntries(known)
    try {
      for (const [name, value] of known) checkType(this.kind, name, value, this.#model.types[name]!)
      this.#settle(wanted, Object.fromEntries(known))
    } catch (error) {
      this.#send('update', Object.fromEntries(known.map(([name]) => [name, this.#state[name]])))
      throw error
    }
    const followed = Object.entries(wanted).filter(([name, value]) => !isSame(arrived[name], value))
    const news = followed.filter(([name, value]) => name in arrived || !isSame(this.#state[name], value))
    if (news.length > 0) this.#send('update', Object.fromEntries(news))
    this.#apply(wanted)
  }

  #apply(changed: State): void {
    const old: State = {}
    for (const [name, value] of Object.entries(changed)) {
      if (isSame(this.#state[name], value)) continue
      old[name] = this.#state[name]
      this.#state[name] = value
    }
    const changes: Change[] = Object.keys(old).map((name) => ({
      name,
      old: old[name],
      value: this.#state[name],
    }))
    changes.push(...this.derive(old, this.#state))
    const calls = changes.flatMap((change) =>
      this.#listeners.filter((one) => one.name === change.name).map((one) => () => one.listener(change)),
    )
    callAll(calls)
  }

  #forget(): void {
    if (!widgets.delete(this.id)) return
    this.#comm = undefined
    callAll(this.#closeListeners)
  }
}

/** One listener that throws does not keep the others from being called; the first error is thrown on. */
function callAll(calls: (() => void)[]): void {
  const errors: unknown[] = []
  for (const call of calls)
    try {
      call()
    } catch (error) {
      errors.push(error)
    }
  if (errors.length > 0) throw errors[0]
}

const classes = new Map<object, Map<string, new (...args: any[]) => Widget>>()

/** The class of a kind of widget: `Base` with an accessor for each attribute of the specification. */
function classOf(kind: keyof Attributes, Base: typeof Widget): typeof Widget {
  const made = classes.get(Base) ?? new Map()
  classes.set(Base, made)
  if (!made.has(kind)) {
    const Kind = { [kind]: class extends (Base as any) {} }[kind] as any
    for (const name of Object.keys(models[kind].defaults))
      if (!(name in Kind.prototype))
        Object.defineProperty(Kind.prototype, name, {
          enumerable: true,
          get(this: Widget) {
            return this.get(name as never)
          },
          set(this: Widget, value: unknown) {
            this.set({ [name]: value })
          },
        })
    made.set(kind, Kind)
  }
  return made.get(kind)
}

/** Makes a widget of the kind. Its attributes are properties: `widget.value = 3` moves the slider in every front end. */
export function createWidget<Kind extends keyof Attributes>(
  kind: Kind,
  attributes?: Given<Attributes[Kind]>,
  Base: typeof Widget<any> = Widget,
): Widget<Attributes[Kind]> & Attributes[Kind] {
  return new (classOf(kind, Base))(kind, attributes) as any
}

/** Takes in a widget that a front end made (a link between two of ours, for instance). */
function adopt(comm: Comm, state: State, paths: (string | number)[][], buffers: Uint8Array[]): void {
  const kind = String(state['_model_name'] ?? '').replace(/Model$/, '') as keyof Attributes
  if (!Object.hasOwn(models, kind)) return comm.close()
  const whole = unpackState(state, paths, buffers, (id) => widgets.get(id))
  const known = Object.entries(whole).filter(([name]) => name in models[kind].defaults)
  new (classOf(kind, Widget))(kind, Object.fromEntries(known), comm)
}
