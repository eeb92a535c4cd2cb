import * as tf from '@tensorflow/tfjs'
import { during } from '../../../settle.js'
import type { Key } from '../../random/bits.js'
import { isNative } from '../../session/entry.js'
import { isLibraryCall, isRandomScope } from '../trace.js'
import {
  commonLength,
  copyAttributes,
  sameAttributes,
  sameShape,
  type Act,
  type KernelAct,
  type Leaf,
  type Ref,
  type Script,
} from './script.js'
import {
  patched,
  Symbolic,
  type Engine,
  type Inputs,
  type Original,
  type Scope,
  type TapeNode,
  type Tracked,
} from './tfjs-engine.js'

const isTracked = (value: unknown): value is Tracked => value instanceof tf.Tensor

/**
 * One call of a function, beside what an earlier one did. As long as it does the same, kernel by kernel, nothing is computed: its
 * tensors have shapes and no values, and at its end the recording is known to be right for it. Where it goes another way, all it
 * has done is made up for (`realize`), and it goes on for real: it is never called twice.
 */
export class Follower {
  /** What it did, where it is written down. */
  acts: Act[] = []
  readonly leaves: Leaf[] = []
  readonly known: number[] = []
  /** By slot. */
  readonly tensors: Tracked[] = []
  /** What it took from around it. */
  readonly taken: tf.Tensor[] = []
  /** What it wrote, by slot. */
  readonly values: ArrayLike<number>[] = []
  /** Why what it did cannot be replayed, where that is so. */
  reason: string | undefined
  /** The script that it has followed so far; undefined where it went another way. */
  following: Script | undefined
  #at = 0
  readonly #scripts: readonly Script[]
  readonly #key: Key | undefined
  readonly #engine = tf.engine() as unknown as Engine
  #original!: Original
  #scope!: Scope
  #customs: TapeNode[] = []
  #refs = new Map<unknown, Ref>()
  /** Depth of kernels that run for real: what they do inside is theirs. */
  #inside = 0
  /** Clones that the engine made inside of a kernel, to save a tensor. */
  #saved: [from: tf.Tensor, clone: tf.Tensor][] = []
  #fresh: tf.Tensor[] = []
  #assigned = new Map<tf.Variable, object>()
  #hasGradients = false

  /** `scripts`: what earlier calls did; none: the call is written down. */
  constructor(scripts: readonly Script[], key: Key | undefined) {
    this.#scripts = scripts
    this.following = scripts[0]
    this.#key = key
  }

  /** Calls the function, within a gradient's forward pass, beside the scripts. Gives its result. */
  run(work: () => tf.Tensor): tf.Tensor {
    const engine = this.#engine
    const { prototype } = tf.Variable
    const original = (this.#original = { assign: prototype.assign } as Original)
    const before = patched.map((name) => Object.getOwnPropertyDescriptor(engine, name))
    for (const name of patched) original[name] = engine[name] as never
    this.#scope = engine.state.activeScope
    let isOver = false
    const restore = () => {
      if (!isOver) tf.dispose([...this.#guards.values()])
      prototype.assign = original.assign
      for (const [at, name] of patched.entries())
        if (before[at]) Object.defineProperty(engine, name, before[at])
        else delete (engine as Partial<Engine>)[name]
    }
    return during(restore, () => {
      this.#patch(engine, original)
      const result = work()
      this.#end(result)
      isOver = true
      return result
    })
  }

  /**
   * At the end of the call: whether what it did can be run as a graph. What it did for real is then taken back, and its tensors
   * have no values any more.
   */
  finish(result: tf.Tensor): boolean {
    if (!this.following) {
      const script = this.#script(result)
      if (this.reason === undefined) {
        for (const [variable, before] of this.#guards) this.#original.assign.call(variable, before)
        for (const ref of this.escaped) this.#original.disposeTensor.call(this.#engine, this.#tensorAt(ref))
        const { activeTape } = this.#engine.state
        for (const { saved } of activeTape) tf.dispose(saved)
        activeTape.length = 0
        this.following = script
      }
      for (const before of this.#guards.values()) before.dispose()
      this.#guards.clear()
    }
    return this.following !== undefined
  }

  #script(result: tf.Tensor): Script {
    const ref = this.#refs.get(result)
    if (ref === undefined || ref < 0) this.#refuse('its loss is a tensor from around it')
    const { acts, leaves, known } = this
    return { acts, leaves, known, result: ref ?? 0, hasGradients: this.#hasGradients }
  }

  /** Tensors that the function keeps beyond its end. */
  get escaped(): Ref[] {
    const refs: Ref[] = []
    for (const act of this.following?.acts ?? this.acts) {
      if (act.kind !== 'write' && (act.kind !== 'kernel' || act.isClone)) continue
      const count = act.kind === 'write' ? 1 : act.made.length
      for (let ref = act.first; ref < act.first + count; ref++) if (this.tensors[ref]!.kept) refs.push(ref)
    }
    return refs
  }

  #patch(engine: Engine, original: Original): void {
    const assign = (variable: tf.Variable, value: tf.Tensor) => this.#assign(variable, value)
    tf.Variable.prototype.assign = function (this: tf.Variable, value: tf.Tensor) {
      assign(this, value)
    } as tf.Variable['assign']
    engine.runKernel = (name, inputs, attributes) => this.#runKernel(name, inputs, attributes as never)
    engine.makeTensor = (values, shape, dtype, backend) => this.#write(values, shape, dtype, backend)
    engine.makeVariable = (...given) => {
      this.#surrender()
      this.#refuse('it makes a variable')
      return original.makeVariable.apply(engine, given)
    }
    engine.disposeTensor = (tensor) => {
      if ((tensor as unknown as Tracked).follower === this && this.following)
        (tensor as unknown as Tracked).isDisposedInternal = true
      else original.disposeTensor.call(engine, tensor)
    }
    engine.clone = (tensor) => this.#clone(tensor)
    engine.customGrad = (f) => this.#customGrad(f)
    engine.runKernelFunc = (given) => this.#runCustom(given)
    engine.gradients = (...given) => {
      this.#mark('gradient')
      this.#hasGradients = true
      const found = original.gradients.apply(engine, given)
      this.#mark('gradient')
      return found
    }
    engine.readSync = (dataId) => original.readSync.call(engine, this.#readable(dataId))
    engine.read = (dataId) => original.read.call(engine, this.#readable(dataId))
  }

  #runKernel(name: string, inputs: Inputs, attributes: KernelAct['attributes']): tf.Tensor | tf.Tensor[] {
    const engine = this.#engine
    if (this.#inside > 0) return this.#original.runKernel.call(engine, name, inputs, attributes)
    if (this.following) {
      const act = this.#next((one) => this.#isKernel(one, name, inputs, attributes, false))
      if (act) {
        this.#take()
        const made = act.made.map(({ shape, dtype }, at) => this.#symbol(act.first + at, shape, dtype))
        if (this.following.hasGradients && engine.isTapeOn())
          engine.addTapeNode(name, inputs, made, null, this.#saveFor(name, inputs, made), attributes)
        return act.isList ? made : made[0]!
      }
      this.#surrender()
    }
    this.#inside++
    let result: tf.Tensor | tf.Tensor[]
    try {
      result = this.#original.runKernel.call(engine, name, inputs, attributes)
    } finally {
      this.#inside--
    }
    const made = Array.isArray(result) ? result : [result]
    this.#logKernel(name, inputs, attributes, made, Array.isArray(result), false)
    for (const [from, clone] of this.#saved)
      this.#logKernel('Identity', { x: from }, undefined, [clone], false, true)
    this.#saved = []
    return result
  }

  /** What the engine would save for the gradient of a kernel, in its order. */
  #saveFor(name: string, inputs: Inputs, made: readonly tf.Tensor[]): tf.Tensor[] {
    const gradient = tf.getGradient(name)
    if (!gradient) return []
    const { inputsToSave = [], outputsToSave = [] } = gradient
    const chosen = gradient.saveAllInputs ? Object.values(inputs) : inputsToSave.map((key) => inputs[key])
    const tensors = [...chosen, ...made.filter((_, at) => outputsToSave[at])] as tf.Tensor[]
    return this.#engine.state.gradientDepth > 1
      ? tensors.map((tensor) => this.#engine.clone(tensor))
      : tensors
  }

  #clone(tensor: tf.Tensor): tf.Tensor {
    const engine = this.#engine
    if (this.following) {
      const act = this.#next((one) => this.#isKernel(one, 'Identity', { x: tensor }, undefined, true))
      if (act) {
        this.#take()
        const clone = this.#symbol(act.first, tensor.shape, tensor.dtype)
        if (this.following.hasGradients) engine.addTapeNode('Identity', { x: tensor }, [clone], null, [], {})
        return clone
      }
      this.#surrender()
    }
    this.#inside++
    let clone: tf.Tensor
    try {
      clone = this.#original.clone.call(engine, tensor)
    } finally {
      this.#inside--
    }
    if (this.#inside > 0) this.#saved.push([tensor, clone])
    else this.#logKernel('Identity', { x: tensor }, undefined, [clone], false, true)
    return clone
  }

  #write(
    values: ArrayLike<number>,
    shape: number[],
    dtype: tf.DataType = 'float32',
    backend?: unknown,
  ): tf.Tensor {
    const { makeTensor } = this.#original
    if (this.#inside > 0 || values === null || values === undefined)
      return makeTensor.call(this.#engine, values, shape, dtype, backend)
    if (this.following) {
      const act = this.#next(
        (one) => one.kind === 'write' && one.made.dtype === dtype && sameShape(one.made.shape, shape) && one,
      )
      if (act) {
        this.values[act.first] = values
        return this.#symbol(act.first, shape, dtype)
      }
      this.#surrender()
    }
    const tensor = makeTensor.call(this.#engine, values, shape, dtype, backend)
    if (!isNative(dtype)) this.#refuse('it makes a tensor that is not of numbers')
    const first = this.#add(tensor)
    this.values[first] = values
    const varies = isRandomScope() || this.#isKey(values)
    this.#log({
      kind: 'write',
      made: { shape: [...shape], dtype },
      first,
      values: Array.from(values),
      varies,
    })
    return tensor
  }

  #isKey(values: ArrayLike<number>): boolean {
    const key = this.#key
    return key !== undefined && values.length === 2 && values[0] === key[0] && values[1] === key[1]
  }

  #assign(variable: tf.Variable, value: tf.Tensor): void {
    if (this.following) {
      const act = this.#next(
        (one) =>
          one.kind === 'assign' &&
          this.#isRef(one.variable, variable) &&
          this.#isRef(one.value, value) &&
          one,
      )
      if (act) {
        this.#take()
        if (!this.#assigned.has(variable)) this.#assigned.set(variable, variable.dataId)
        return
      }
      this.#surrender()
    }
    this.#assignNow(variable, value)
    const refs = { variable: this.#refOf(variable), value: this.#refOf(value) }
    this.#log({ kind: 'assign', ...refs })
  }

  #assignNow(variable: tf.Variable, value: tf.Tensor): void {
    const { state } = this.#engine
    if (!this.#guards.has(variable)) {
      state.kernelDepth++
      const before = this.#original.runKernel.call(this.#engine, 'Identity', { x: variable }) as tf.Tensor
      state.kernelDepth--
      this.#guards.set(variable, tf.keep(before))
    }
    if (!this.#assigned.has(variable)) this.#assigned.set(variable, variable.dataId)
    this.#original.assign.call(variable, value)
  }
  /** What variables were before the function gave them other values for real. */
  readonly #guards = new Map<tf.Variable, tf.Tensor>()

  /** A gradient of its own is known by the text of its function, and seen through where tfjs made it. */
  #customGrad(f: Function): (...inputs: tf.Tensor[]) => tf.Tensor {
    if (!this.following && !isLibraryCall())
      this.#refuse('it calls tf.customGrad, and what its gradient uses from around it cannot be seen')
    return this.#original.customGrad.call(this.#engine, (...given: unknown[]) => {
      this.#source = String(f)
      return f(...given)
    })
  }

  #runCustom(given: { forwardFunc?: Function }): tf.Tensor | tf.Tensor[] {
    const { state } = this.#engine
    const isTaped = given.forwardFunc !== undefined && this.#engine.isTapeOn()
    this.#source = undefined
    const result = this.#original.runKernelFunc.call(this.#engine, given)
    if (!isTaped) return result
    const node = state.activeTape.at(-1)!
    const source = this.#source ?? ''
    if (!this.following || !this.#next((one) => one.kind === 'custom' && one.source === source && one)) {
      if (this.following) {
        this.#surrender()
        state.activeTape.push(node)
      }
      if (source === '') this.#refuse('it calls a function made with tf.customGrad before')
      this.#log({ kind: 'custom', source })
    }
    this.#customs.push(node)
    return result
  }
  #source: string | undefined

  #mark(kind: 'gradient'): void {
    if (this.following) {
      if (this.#next((one) => one.kind === kind && one)) return
      this.#surrender()
    }
    this.#log({ kind })
  }

  /** The `dataId` of values that can be read. What the function reads of its own has no values in a recording. */
  #readable(dataId: object): object {
    const symbolic = dataId instanceof Symbolic ? dataId : undefined
    const variable = [...this.#assigned].find(
      ([one, before]) => before === dataId || one.dataId === dataId,
    )?.[0]
    if (symbolic || variable) this.#surrender()
    const own = this.tensors.some((tensor) => tensor.dataId === dataId)
    if (symbolic || variable || own) this.#refuse('it reads the value of a tensor that it has made')
    if (variable) return variable.dataId
    return symbolic ? this.tensors[symbolic.slot]!.dataId : dataId
  }

  #refuse(reason: string): void {
    this.reason ??= reason
  }

  // What is followed.

  /** The act that comes next, in the script or in another that has gone the same way, if it is the one that `find` gives. */
  #next<A extends Act>(find: (act: Act) => A | false): A | undefined {
    const act = this.#find(this.following!, find)
    if (act) return act
    for (const other of this.#scripts) {
      if (other === this.following || commonOf(other, this.following!) < this.#at) continue
      const found = this.#find(other, find)
      if (!found) continue
      this.following = other
      return found
    }
    return undefined
  }

  #find<A extends Act>(script: Script, find: (act: Act) => A | false): A | undefined {
    const act = script.acts[this.#at]
    if (!act) return undefined
    this.#fresh.length = 0
    const leaves = this.#leavesOf
    this.#leavesOf = script.leaves
    const found = find(act)
    this.#leavesOf = leaves
    if (found) this.#at++
    return found || undefined
  }
  #leavesOf: readonly Leaf[] = []

  /** Leaves that the act has brought. */
  #take(): void {
    for (const tensor of this.#fresh) this.taken.push(tensor)
    this.#fresh.length = 0
  }

  #isKernel(
    act: Act,
    name: string,
    inputs: Inputs,
    attributes: KernelAct['attributes'],
    isClone: boolean,
  ): KernelAct | false {
    if (act.kind !== 'kernel' || act.name !== name || act.isClone !== isClone) return false
    let at = 0
    for (const key in inputs) {
      if (act.keys[at] !== key) return false
      const ref = act.inputs[at++]!
      const input = inputs[key]
      if (input === null || input === undefined ? ref !== null : !this.#isRef(ref, input)) return false
    }
    return at === act.keys.length && sameAttributes(attributes, act.attributes) && act
  }

  #isRef(ref: Ref | null, tensor: tf.Tensor): boolean {
    if (ref === null) return false
    if (ref >= 0) return (this.tensors[ref] as unknown) === tensor
    const at = -1 - ref
    const { taken } = this
    if (at < taken.length) return taken[at] === tensor
    const fresh = this.#fresh[at - taken.length]
    if (fresh) return fresh === tensor
    const leaf = this.#leavesOf[at]!
    if ((tensor as unknown as Tracked).follower === this || tensor.dtype !== leaf.dtype) return false
    if (!sameShape(tensor.shape, leaf.shape)) return false
    if (leaf.variable ? leaf.variable !== tensor : tensor instanceof tf.Variable) return false
    const alias = taken[leaf.alias] ?? this.#fresh[leaf.alias - taken.length]
    if (leaf.alias !== at && alias?.dataId !== tensor.dataId) return false
    this.#fresh.push(tensor)
    return true
  }

  #symbol(slot: number, shape: readonly number[], dtype: tf.DataType): tf.Tensor {
    const tensor = new tf.Tensor(
      shape as number[],
      dtype,
      new Symbolic(slot),
      this.#engine.nextTensorId(),
    ) as unknown as Tracked
    tensor.follower = this
    this.tensors[slot] = tensor
    return tensor as unknown as tf.Tensor
  }

  #end(result: tf.Tensor): void {
    const { following } = this
    if (!following) return
    const fits = (script: Script) =>
      script.acts.length === this.#at && (this.tensors[script.result] as unknown) === result
    const script = [following, ...this.#scripts].find(
      (one) => fits(one) && (one === following || commonOf(one, following) >= this.#at),
    )
    if (!script) return this.#surrender()
    this.following = script
    // Its tape is not one to go back over.
    this.#engine.state.activeTape.length = 0
  }

  // What is written down.

  #log(act: Act): void {
    this.acts.push(act)
    this.known.push(this.leaves.length)
  }

  #add(tensor: tf.Tensor): Ref {
    const slot = this.tensors.length
    this.tensors.push(tensor as unknown as Tracked)
    this.#refs.set(tensor, slot)
    return slot
  }

  #refOf(tensor: tf.Tensor): Ref {
    const ref = this.#refs.get(tensor)
    if (ref !== undefined) return ref
    const at = this.taken.push(tensor) - 1
    if (!isNative(tensor.dtype)) this.#refuse('it uses a tensor that is not of numbers')
    this.leaves.push({
      shape: [...tensor.shape],
      dtype: tensor.dtype,
      variable: tensor instanceof tf.Variable ? tensor : undefined,
      alias: this.taken.findIndex(({ dataId }) => dataId === tensor.dataId),
    })
    this.#refs.set(tensor, -1 - at)
    return -1 - at
  }

  #logKernel(
    name: string,
    inputs: Inputs,
    attributes: KernelAct['attributes'],
    made: readonly tf.Tensor[],
    isList: boolean,
    isClone: boolean,
  ): void {
    const keys = Object.keys(inputs)
    const refs = keys.map((key) => {
      const input = inputs[key]
      if (input === null || input === undefined) return null
      if (isTracked(input)) return this.#refOf(input as unknown as tf.Tensor)
      this.#refuse(`the kernel ${name} takes lists`)
      return null
    })
    if (made.some(({ dtype }) => !isNative(dtype))) this.#refuse('it makes a tensor that is not of numbers')
    const first = this.tensors.length
    for (const tensor of made) this.#add(tensor)
    const { kernelDepth, gradientDepth } = this.#engine.state
    this.#log({
      kind: 'kernel',
      name,
      keys,
      inputs: refs,
      areListed: Array.isArray(inputs),
      attributes: copyAttributes(attributes),
      first,
      made: made.map(({ shape, dtype }) => ({ shape: [...shape], dtype })),
      isList,
      isClone,
      // A clone that saves is made inside of a kernel: it is on the tape once, not also as a kernel.
      kernelDepth: isClone ? Math.max(1, kernelDepth) : kernelDepth,
      gradientDepth,
    })
  }

  // What is made up for.

  /** From here on it goes its own way, for real. */
  #surrender(): void {
    const { following } = this
    if (!following) return
    this.following = undefined
    this.acts = following.acts.slice(0, this.#at)
    this.known.push(...following.known.slice(0, this.#at))
    this.leaves.push(...following.leaves.slice(0, this.taken.length))
    this.#hasGradients ||= following.hasGradients && this.acts.some(({ kind }) => kind === 'gradient')
    this.#assigned.clear()
    for (const [at, tensor] of this.taken.entries()) this.#refs.set(tensor, -1 - at)
    for (const [at, tensor] of this.tensors.entries()) this.#refs.set(tensor, at)
    this.#realize(this.acts, this.#scope, (variable, value) => this.#assignNow(variable, value))
  }

  /**
   * Does all that was followed, in a forward pass whose scope is the active one: for whoever records it. `written`: what stands
   * for values that it wrote, by slot.
   */
  realize(written?: ReadonlyMap<Ref, tf.Tensor>): void {
    for (const tensor of this.tensors) tensor.isDisposedInternal = false
    const assign = (variable: tf.Variable, value: tf.Tensor) => this.#original.assign.call(variable, value)
    this.#realize(this.following!.acts, this.#engine.state.activeScope, assign, written)
  }

  /** Its tensors have ended, but for those that it keeps. */
  leave(): void {
    for (const tensor of this.tensors) if (!tensor.kept) tensor.isDisposedInternal = true
  }

  /** Does what was followed: the tensors of the call become tensors with values, and the tape has it all. */
  #realize(
    acts: readonly Act[],
    scope: Scope,
    assign: (variable: tf.Variable, value: tf.Tensor) => void,
    written?: ReadonlyMap<Ref, tf.Tensor>,
  ): void {
    const engine = this.#engine
    const { state } = engine
    const { kernelDepth, gradientDepth, activeScope, scopeStack } = state
    const customs = this.#customs.values()
    state.activeTape.length = 0
    const clone = Object.getOwnPropertyDescriptor(engine, 'clone')
    const restore = () => {
      Object.assign(state, { kernelDepth, gradientDepth, activeScope, scopeStack })
      if (clone) Object.defineProperty(engine, 'clone', clone)
      else delete (engine as Partial<Engine>).clone
    }
    this.#inside++
    during(restore, () => {
      // What a kernel saves by itself are the clones that come next.
      engine.clone = (tensor) => {
        const made = this.#original.clone.call(engine, tensor)
        this.#saved.push([tensor, made])
        return made
      }
      state.scopeStack = scopeStack.slice(0, scopeStack.indexOf(scope) + 1)
      state.activeScope = scope
      const clones: tf.Tensor[] = []
      this.#saved = []
      for (const act of acts) {
        if (act.kind === 'custom') state.activeTape.push(customs.next().value!)
        else if (act.kind === 'assign')
          assign(this.#tensorAt(act.variable) as tf.Variable, this.#tensorAt(act.value))
        else if (act.kind === 'write') {
          const { shape, dtype } = act.made
          const made =
            written?.get(act.first) ??
            this.#original.makeTensor.call(engine, this.values[act.first]!, [...shape], dtype)
          this.#adopt(act.first, made, scope)
        } else if (act.kind === 'kernel') {
          state.kernelDepth = act.kernelDepth
          state.gradientDepth = act.gradientDepth
          const made = this.#make(act, clones)
          for (const [at, one] of made.entries()) this.#adopt(act.first + at, one, scope)
        }
      }
    })
    this.#inside--
  }

  #make(act: KernelAct, clones: tf.Tensor[]): tf.Tensor[] {
    const { runKernel, clone } = this.#original
    if (act.isClone && clones.length > 0) return [clones.shift()!]
    const tensors = act.inputs.map((ref) => (ref === null ? null : this.#tensorAt(ref)))
    if (act.isClone) return [clone.call(this.#engine, tensors[0]!)]
    const inputs = (
      act.areListed ? tensors : Object.fromEntries(act.keys.map((key, at) => [key, tensors[at]]))
    ) as Inputs
    const result = runKernel.call(this.#engine, act.name, inputs, act.attributes)
    clones.push(...this.#saved.map(([, one]) => one))
    this.#saved = []
    return Array.isArray(result) ? result : [result]
  }

  #tensorAt(ref: Ref): tf.Tensor {
    return (ref >= 0 ? this.tensors[ref] : this.taken[-1 - ref]) as unknown as tf.Tensor
  }

  /** The tensor of the call takes the place of one that was made now. */
  #adopt(slot: Ref, made: tf.Tensor, scope: Scope): void {
    const own = this.tensors[slot]!
    const other = made as unknown as Tracked
    own.dataId = other.dataId
    // On the tape it is the one that was made.
    other.id = own.id
    own.scopeId = other.scopeId
    own.follower = undefined
    // Saved on a tape, it ends with that.
    if (other.kept) own.kept = true
    if (own.isDisposedInternal || other.kept) return
    const at = scope.track.lastIndexOf(other)
    if (at >= 0) scope.track[at] = own
  }
}

const common = new WeakMap<Script, WeakMap<Script, number>>()

function commonOf(a: Script, b: Script): number {
  let ofA = common.get(a)
  if (!ofA) common.set(a, (ofA = new WeakMap()))
  let length = ofA.get(b)
  if (length === undefined) ofA.set(b, (length = commonLength(a, b)))
  return length
}
