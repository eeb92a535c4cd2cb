/** The debugger's part on the main thread: lists variables when the protocol thread asks, between two of the user's instructions. */
import { isProxy, isTypedArray } from 'node:util/types'
import type { Runtime } from '../../cell/types.js'
import { childrenOf, Getter, hasChildren, Page, TensorValues, type Child } from './members.js'
import { classOf, describeValue } from './describe.js'

/** A variable as the Debug Adapter Protocol has it. */
export interface Variable {
  name: string
  value: string
  type?: string | undefined
  evaluateName?: string
  /** To ask for what is inside; 0: nothing. */
  variablesReference: number
  indexedVariables?: number
  namedVariables?: number
}

export interface View {
  /**
   * JupyterLab's list shows the value of what it takes for Python's int, float, bool and str, and in place of all other
   * values their type: there the type of an object is the line that describes it.
   */
  dialect: 'jupyterlab' | 'plain'
  /** Whether the values of tensors may be read: not in the middle of running code. */
  read: boolean
}

/** Which of the variables: all without a count. */
export interface Paging {
  start?: number
  count?: number
  filter?: 'indexed' | 'named'
}

/** Names that a compiled program has beside the user's. */
const ownNames = /^__+(scope|runtime|value|exports|m\d+)$/
const isName = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u
const pageSize = 100

interface Held {
  value: unknown
  /** How a program reaches it; empty where it cannot. */
  path: string
}

function typeOf(value: unknown, text: string, { dialect }: View): string | undefined {
  if (value instanceof Getter || value instanceof Unset) return text
  if (dialect === 'jupyterlab') {
    if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float'
    if (typeof value === 'boolean') return 'bool'
    return typeof value === 'string' ? 'str' : text
  }
  if (value === null) return 'null'
  if (value instanceof TensorValues) return 'values'
  return typeof value === 'object' ? classOf(value) : typeof value
}

function textOf(value: unknown, read: boolean): string {
  if (value instanceof Getter) return '(getter)'
  if (value instanceof Unset) return '(not set yet)'
  if (value instanceof Page) return ''
  return value instanceof TensorValues ? value.text : describeValue(value, read)
}

/** A variable whose declaration has not run yet. */
class Unset {}

/** What the agent is given of kernel/engine. */
export interface AgentParts {
  /** The names of the cells. */
  scope: Record<string, unknown>
  /** `import`, `require` and the like for what the user evaluates. */
  runtime: Runtime
  show(value: unknown): { data: Record<string, unknown>; metadata: object }
  /** Runs a function beside the cells. */
  within<Result>(body: () => Result): Result
}

export class Agent {
  readonly scope: AgentParts['scope']
  readonly runtime: AgentParts['runtime']
  readonly #show: AgentParts['show']
  readonly #within: AgentParts['within']
  readonly #held = new Map<number, Held>()
  #references = 0

  constructor({ scope, runtime, show, within }: AgentParts) {
    this.scope = scope
    this.runtime = runtime
    this.#show = show
    this.#within = within
  }

  /** Runs a compiled cell beside the cells. */
  run<Value>(cell: (scope: object, runtime: Runtime) => Promise<Value>): Promise<Value> {
    return this.#within(() => cell(this.scope, this.runtime))
  }

  /** Forgets what it gave references to, or those before one of them. */
  release(before = Infinity): void {
    for (const reference of this.#held.keys()) {
      if (reference >= before) return
      this.#held.delete(reference)
    }
  }

  readonly #errors = new WeakSet<object>()
  /** Whether an error is seen for the first time: it passes through every function that awaits another. */
  isNew(error: object): boolean {
    if (this.#errors.has(error)) return false
    this.#errors.add(error)
    return true
  }

  #hold(value: unknown, path: string): number {
    this.#held.set(++this.#references, { value, path })
    return this.#references
  }

  /** The names of the cells: what they define first, what they import after that. */
  names(): string[] {
    const all = Object.entries(Object.getOwnPropertyDescriptors(this.scope))
    return [...all.filter(([, { get }]) => !get), ...all.filter(([, { get }]) => get)].map(([name]) => name)
  }

  /** A reference to the variables of the cells. */
  openNotebook(): number {
    return this.#hold(new Variables(this.names(), (name) => this.scope[name]), '')
  }

  /** A reference to variables of a paused function: how to read each. */
  openLocals(readers: Record<string, () => unknown>): number {
    return this.#hold(new Variables(Object.keys(readers), (name) => readers[name]!()), '')
  }

  /** A reference to the variables of an outer function. */
  openClosure(...scopes: Record<string, unknown>[]): number {
    const found = new Map<string, unknown>()
    for (const scope of scopes)
      for (const name of this.namesIn(scope)) if (!found.has(name)) found.set(name, scope[name])
    return this.#hold(new Variables([...found.keys()], (name) => found.get(name)), '')
  }

  /** The user's names in one of V8's scope objects. */
  namesIn(...scopes: object[]): string[] {
    return [...new Set(scopes.flatMap((scope) => Object.getOwnPropertyNames(scope)))].filter(
      (name) => isName.test(name) && !ownNames.test(name),
    )
  }

  /** The variables behind a reference; `undefined` for one that was forgotten. */
  list(reference: number, view: View, { start = 0, count = 0, filter }: Paging = {}): Variable[] | undefined {
    const held = this.#held.get(reference)
    if (!held) return undefined
    const { value, path } = held
    if (value instanceof Variables)
      return filter === 'indexed'
        ? []
        : value.names.slice(start, count ? start + count : undefined).map((name) => {
            const child = { name, path: name, value: value.read(name) }
            return this.#describe(child, name, view)
          })
    const children = childrenOf(value)
    if (!children) return []
    const first = filter === 'named' ? children.indexed : 0
    const end = filter === 'indexed' ? children.indexed : children.count
    const all = end - first
    const result: Variable[] = []
    if (count > 0 || all <= pageSize) {
      const last = Math.min(end, count > 0 ? first + start + count : end)
      for (let place = first + start; place < last; place++) {
        const child = children.at(place)
        result.push(this.#describe(child, path && child.path ? path + child.path : '', view))
      }
      return result
    }
    // Too many to list: pages, and pages of pages.
    let size = pageSize
    while (all / size > pageSize) size *= pageSize
    for (let place = first; place < end; place += size) {
      const length = Math.min(size, end - place)
      const page = new Page(children, place, length)
      const names = [children.at(place).name, children.at(place + length - 1).name]
      const name = `${names[0]} … ${names[1]}`
      result.push({ name, value: '', variablesReference: this.#hold(page, path), evaluateName: path })
    }
    return result
  }

  #describe({ name, value }: Child, path: string, view: View): Variable {
    const text = textOf(value, view.read)
    const count = typeof value === 'object' ? indexedIn(value) : undefined
    return {
      name,
      value: text,
      type: typeOf(value, text, view),
      evaluateName: path,
      variablesReference: hasChildren(value) ? this.#hold(value, path) : 0,
      ...(count === undefined ? {} : { indexedVariables: count, namedVariables: 0 }),
    }
  }

  /** A value as the result of what the user asked for. */
  describe(value: unknown, path: string, view: View): Variable {
    return this.#describe({ name: path, path, value }, path, view)
  }

  /** The MIME bundle of a value, bytes as base64. */
  rich(value: unknown): { data: Record<string, unknown>; metadata: object } {
    const { data, metadata } = this.#show(value)
    const plain: Record<string, unknown> = {}
    for (const [type, content] of Object.entries(data))
      plain[type] =
        content instanceof Uint8Array
          ? Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('base64')
          : content
    return { data: plain, metadata }
  }

  /** Writes a line as the code that is paused would. */
  say(text: string): void {
    console.log(text)
  }

  /** Sets what a reference has under a name; gives why it cannot. */
  put(reference: number, name: string, value: unknown): string | undefined {
    const held = this.#held.get(reference)?.value
    if (held instanceof Variables) {
      this.assign(name, value)
      return undefined
    }
    const owner = held as Record<string, unknown> | null | undefined
    const own = owner && typeof owner === 'object' ? Object.getOwnPropertyDescriptor(owner, name) : undefined
    if (!own) return `'${name}' is not a property that can be set`
    return Reflect.set(owner!, name, value) ? undefined : `'${name}' cannot be changed`
  }

  /** Makes a value a variable of the cells. */
  assign(name: string, value: unknown): void {
    const property = { value, writable: true, enumerable: true, configurable: true }
    Object.defineProperty(this.scope, name, property)
  }
}

function indexedIn(value: unknown): number | undefined {
  if (value === null || isProxy(value)) return undefined
  const count = Array.isArray(value) || isTypedArray(value) ? value.length : 0
  return count > pageSize ? count : undefined
}

/** Variables by name, read when they are listed. */
class Variables {
  readonly names: readonly string[]
  readonly #read: (name: string) => unknown
  constructor(names: readonly string[], read: (name: string) => unknown) {
    this.names = names
    this.#read = read
  }
  read(name: string): unknown {
    try {
      return this.#read(name)
    } catch {
      return new Unset()
    }
  }
}
