import * as tf from '@tensorflow/tfjs'
import { encodeModel, type Value } from '../onnx/model.js'
import { toElements, type ElementType } from '../onnx/types.js'
import { unroll, type Iteration } from '../passes/unroll.js'
import { tensorOf } from '../session/buffers.js'
import {
  createSession,
  runSession,
  type Feeds,
  type NativeSession,
  type NativeTensor,
  type NativeTensors,
} from '../session/native.js'
import type { Plan } from '../session/plan.js'
import { count } from '../session/statistics.js'
import { onnxRuntime } from '../tfjs/register.js'

/** An argument that is another in each iteration of several. */
export class Each {
  /** All of them: numbers, or a tensor that has them in a row along its first axis. */
  readonly all: readonly number[] | tf.Tensor
  /** What a signature says of one of them. */
  readonly signature: string

  /** @param times how many lie in the tensor. */
  constructor(all: readonly number[] | tf.Tensor, times: number) {
    this.all = all
    if (all instanceof tf.Tensor) {
      const [rows = 0, ...rest] = all.shape
      this.signature = `${all.dtype}[${[rows / times, ...rest]}]`
    } else this.signature = 'number'
  }

  native(type: ElementType, times: number): NativeTensor {
    if (this.all instanceof tf.Tensor) return onnxRuntime().tensorFor(this.all)
    return tensorOf(type, toElements(this.all, type), [times])
  }
}

/** A session that runs several iterations of a program one after the other. */
export class Several {
  /** In place of the results of one: all of them in a row. */
  readonly results: readonly Value[]
  /** The keys of all, where there are some. */
  readonly key: Value | undefined
  readonly #names: ReadonlyMap<string, string>
  readonly #session: NativeSession

  constructor(
    plan: Plan,
    times: number,
    { key, ...iteration }: Omit<Iteration, 'nodes'> & { key: Value | undefined },
  ) {
    const own = [...iteration.each, ...(key ? [key] : [])]
    const { nodes, each, results } = unroll({ ...iteration, each: own, nodes: plan.nodes! }, times)
    const isEach = new Set(own.map(({ name }) => name))
    const shared = plan.inputs.filter(({ name }) => !isEach.has(name))
    const takes = new Map(iteration.takes.map(({ value }) => [value.name, value]))
    const inputs = [...each, ...shared.map((value) => takes.get(value.name) ?? value)]
    const flat = Object.fromEntries(
      shared.flatMap(({ name, shape }) =>
        plan.flat.has(name) ? [[name, [shape.reduce((a, b) => a * b, 1)]]] : [],
      ),
    )
    const outputs = [...results, ...iteration.gives.map(({ value }) => value)]
    this.results = results
    this.key = key && each.at(-1)
    this.#names = new Map(own.map(({ name }, place) => [name, each[place]!.name]))
    this.#session = createSession(encodeModel({ nodes, inputs, outputs, dimensions: flat }), {
      device: 'cpu',
      threads: plan.threads,
    })
    count.session()
  }

  /** The input that has all values of this one. */
  nameOf({ name }: Value): string {
    return this.#names.get(name)!
  }

  run(feeds: Feeds, fetches: NativeTensors): void {
    runSession(this.#session, feeds, fetches)
  }

  dispose(): void {
    this.#session.dispose()
  }
}
