import { join } from 'node:path'
import { InputError, describe } from '../../errors.js'
import { Graph } from '../graph/graph.js'
import { createSession, runSession, devices } from './native.js'
import { cudaFolder, isCudaFetched, version } from './runtimes.js'
import { encodeModel } from '../onnx/model.js'
import { changeDevice } from './options.js'
import { emptyTensor, tensorOf } from './buffers.js'

/** What a device needs of the machine, told to somebody on whose machine it did not work. */
const needs: { readonly [device: string]: () => string } = {
  webgpu: () => 'WebGPU needs a graphics driver: on Linux Vulkan (libvulkan1 and the driver of the card).',
  cuda: () =>
    !isCudaFetched()
      ? 'CUDA needs an NVIDIA card with its driver (580 or newer), and libraries that `npx gradbook fetch cuda` gets from PyPI (1.2 GB).'
      : `CUDA's libraries are there (${cudaFolder()}). What is missing is an NVIDIA card with its driver, 580 or newer: does \`nvidia-smi\` show one?`,
  tensorrt: () =>
    `TensorRT needs an NVIDIA card with its driver, TensorRT 10, and the libraries that 'npm install onnxruntime-node@${version}' downloads.`,
}

/** What ONNX Runtime says, without where in its own source it says so. */
function reasonOf(device: string, error: unknown): string {
  const absent = device === 'cuda' && isCudaFetched() ? absentLibrary() : undefined
  if (absent) return `${absent} is not there`
  const [line] = (error as Error).message.split('\n') as [string]
  return line
    .replace(/^.* was false\. /, '')
    .replace(/^.*(?=CUDA failure)/, '')
    .replace(/ ; GPU=.*$/, '')
    .trim()
    .slice(-300)
}

/** The library that CUDA's provider asks for in vain. ONNX Runtime says only that something was; the system's loader says what. */
function absentLibrary(): string | undefined {
  try {
    process.dlopen({ exports: {} }, join(cudaFolder(), 'libonnxruntime_providers_cuda.so'))
  } catch (error) {
    return /^(\S+): cannot open shared object file/.exec((error as Error).message)?.[1]
  }
  return undefined
}

/** Adds two numbers on a device, and throws where that does not work. */
function tryDevice(device: string): void {
  const graph = new Graph()
  const x = graph.input([2], 'float32')
  const y = graph.add(x, x)
  const model = encodeModel({ nodes: graph.nodes, inputs: [x], outputs: [y] })
  const session = createSession(model, { threads: 1, device })
  try {
    const result = emptyTensor(y)
    runSession(session, { [x.name]: tensorOf('float32', Float32Array.of(1, 2), [2]) }, { [y.name]: result })
    if (result.data[1] !== 4) throw new Error(`2 + 2 gave ${result.data[1]}`)
  } finally {
    session.dispose()
  }
}

/**
 * Chooses where graphs run: 'cpu', or one of the devices that ONNX Runtime's build for this platform carries ('webgpu'; 'cuda'
 * after `gradbook fetch cuda`). It is tried out first: where it does not work the InputError says what is missing,
 * and all stays as it was. On WebGPU the state of compiled functions stays on the device; all else, and on other devices the
 * state too, is carried there and back by each graph.
 *
 * @example setDevice('cpu')
 */
export function setDevice(device: string): void {
  const known = devices().map(({ name }) => name)
  if (!known.includes(device))
    throw new InputError({
      where: `setDevice(${describe(device)})`,
      received: describe(device),
      expected: `one of ${known.join(', ')}`,
    })
  try {
    tryDevice(device)
  } catch (error) {
    const reason = reasonOf(device, error)
    throw new InputError({
      where: `setDevice(${describe(device)})`,
      received: `a machine on which it does not run (${reason})`,
      expected: 'a device that can add two numbers',
      fix: `${needs[device]?.() ?? ''} Until then setDevice('cpu').`.trim(),
    })
  }
  changeDevice(device)
}
