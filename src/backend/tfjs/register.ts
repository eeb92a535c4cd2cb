import * as tf from '@tensorflow/tfjs'
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu'
import { OnnxRuntimeBackend, type Kernel } from './backend.js'
import { emitters } from '../emitters/index.js'
import { SigmoidComplement } from '../emitters/exponential.js'
import { quickenEngine } from './engine.js'
import { exactOnHost } from './exact-host.js'
import { registerFiles } from './file-urls.js'
import { watchFits } from './fitting.js'
import { predictAtOnce } from './predicting.js'
import { registerGradients } from './gradients.js'
import { findRuntime } from '../session/runtimes.js'
import { keyOf, uniforms, type Key } from '../random/bits.js'
import { keepStatesInVariables } from './recurrent.js'
import { KeyedUniform, RandomKey } from '../random/draw.js'

export const backendName = 'onnxruntime'

/** Kernels that make another tensor of the same values: they touch no data and are recorded nowhere. */
const views = new Set(['Identity', 'Reshape', 'ExpandDims'])

const shapeOnly = new Set(['ZerosLike', 'OnesLike'])

/** Cost of kernels that do more than one operation per element of their largest input, in additions of about 0.3 ns. */
const costs: { [kernel: string]: Kernel['cost'] } = {
  BatchMatMul: ([a, b], { transposeB }: tf.BatchMatMulAttrs) =>
    productCost(a!, b!.shape.at(transposeB ? -2 : -1)!),
  _FusedMatMul: ([a, b], { transposeB }: tf._FusedMatMulAttrs) =>
    productCost(a!, b!.shape.at(transposeB ? -2 : -1)!),
  Fill: (_, { shape }: tf.FillAttrs) => tf.util.sizeFromShape(shape),
  OneHot: ([indices], { depth }: tf.OneHotAttrs) => tf.util.sizeFromShape(indices!.shape) * depth,
  Tile: ([x], { reps }: tf.TileAttrs) => tf.util.sizeFromShape(x!.shape) * tf.util.sizeFromShape(reps),
  KeyedUniform: (_, { shape }: { shape: number[] }) => tf.util.sizeFromShape(shape),
  BroadcastTo: (_, { shape }: tf.BroadCastToAttrs) => tf.util.sizeFromShape(shape),
  // Never on the host, where tfjs's kernels are wrong: for more than one example, for images and windows that are not square.
  ResizeNearestNeighborGrad: () => Infinity,
  ResizeBilinearGrad: () => Infinity,
  MaxPool3DGrad: () => Infinity,
  // Nor these: they are differences there that lose digits near 0, or a polynomial with six digits after the point.
  Elu: () => Infinity,
  Selu: () => Infinity,
  Softplus: () => Infinity,
  Erf: () => Infinity,
}

/** The cpu kernel of a product does about one multiplication in the time of an addition of two arrays. */
const productCost = (a: tf.TensorInfo, columns: number) => tf.util.sizeFromShape(a.shape) * columns

/** Kernels that the cpu backend does not have, without a graph, for few numbers. */
const onHost: { [kernel: string]: tf.KernelFunc } = {
  BroadcastTo({ inputs, attrs, backend }) {
    const { shape } = attrs as unknown as { shape: number[] }
    const reps = shape.map((size, axis) => (inputs.x!.shape[axis] === size ? 1 : size))
    return tf.getKernel('Tile', 'cpu').kernelFunc({ inputs, attrs: { reps }, backend })
  },
  [SigmoidComplement]({ inputs, backend }) {
    const x = inputs.x!
    const values = (backend as OnnxRuntimeBackend).readSync(x.dataId) as unknown as Float32Array
    const result = values.map((value) => 1 / (1 + Math.exp(value)))
    return {
      dataId: (backend as OnnxRuntimeBackend).write(result, x.shape, 'float32'),
      shape: x.shape,
      dtype: 'float32',
    }
  },
  [KeyedUniform]({ inputs, attrs, backend }) {
    const { place, shape } = attrs as unknown as { place: number; shape: number[] }
    const key = [...(backend as OnnxRuntimeBackend).readSync(inputs.key!.dataId)] as unknown as Key
    const values = uniforms(key, place, tf.util.sizeFromShape(shape))
    return {
      dataId: (backend as OnnxRuntimeBackend).write(values, shape, 'float32'),
      shape,
      dtype: 'float32',
    }
  },
  [RandomKey]({ inputs, attrs, backend }) {
    const [iteration] = (backend as OnnxRuntimeBackend).readSync(
      inputs.iteration!.dataId,
    ) as unknown as number[]
    const key = Int32Array.from(keyOf((attrs as unknown as { seed: number }).seed, iteration!))
    return { dataId: (backend as OnnxRuntimeBackend).write(key, [2], 'int32'), shape: [2], dtype: 'int32' }
  },
}

const largest = (inputs: readonly tf.TensorInfo[]) =>
  inputs.reduce((most, { shape }) => Math.max(most, tf.util.sizeFromShape(shape)), 0)

function createKernel({ kernelName: name, kernelFunc: host }: tf.KernelConfig): Kernel {
  return {
    name,
    host,
    hasRow: name in emitters,
    cost: costs[name] ?? largest,
    shapeOnly: shapeOnly.has(name),
  }
}

function kernelFuncOf(config: tf.KernelConfig): tf.KernelFunc {
  if (views.has(config.kernelName)) return config.kernelFunc
  const kernel = createKernel(config)
  return ({ inputs, attrs, backend }) => {
    // A cast to the type that a tensor has is a view as well.
    if (kernel.name === 'Cast' && inputs.x!.dtype === (attrs as { dtype?: string }).dtype)
      return config.kernelFunc({ inputs, attrs, backend })
    return (backend as OnnxRuntimeBackend).run(kernel, inputs as never, attrs ?? {})
  }
}

/** tfjs's cpu backend greets its users on the first write and recommends another one. */
function silenceBanner(): void {
  Object.defineProperty(MathBackendCPU.prototype, 'firstUse', {
    get: () => false,
    set() {},
    configurable: true,
  })
}

/**
 * Registers the backend and its kernels: all that tfjs's cpu backend has. It becomes the default of a program that has not
 * chosen one; nothing native is loaded until the first graph runs.
 */
function register(): void {
  silenceBanner()
  // Two copies of this package in one process share tfjs's engine: the first one serves.
  if (tf.engine().backendNames().includes(backendName)) return
  registerFiles()
  tf.registerBackend(backendName, () => new OnnxRuntimeBackend(), hasRuntime() ? 4 : 0)
  for (const config of tf.getKernelsForBackend('cpu'))
    tf.registerKernel({
      ...config,
      backendName,
      kernelFunc: kernelFuncOf({ ...config, kernelFunc: exactOnHost(config) }),
    })
  for (const [kernelName, kernelFunc] of Object.entries(onHost))
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: kernelFuncOf({ kernelName, backendName, kernelFunc }),
    })
  registerGradients(backendName)
  keepStatesInVariables()
  quickenEngine(backendName)
  watchFits()
  predictAtOnce(backendName)
  // The part of `setBackend` before its first await is all that there is to do.
  if (!tf.getBackend() && hasRuntime()) void tf.setBackend(backendName)
}

/** Whether there is a native library for this platform. Without one another backend stays the default, and a graph says what to install. */
function hasRuntime(): boolean {
  try {
    findRuntime()
    return true
  } catch {
    return false
  }
}

/** The backend, made when it is first asked for. */
export function onnxRuntime(): OnnxRuntimeBackend {
  return tf.findBackend(backendName) as OnnxRuntimeBackend
}

register()
