import { Graph, type Target } from '../graph/graph.js'
import { createSession, runSession } from './native.js'
import { encodeModel } from '../onnx/model.js'
import { options } from './options.js'
import { emptyTensor, tensorOf } from './buffers.js'

/** Whether a convolution with filters in blocks of this size gives what it should. */
function works(block: number): boolean {
  const graph = new Graph()
  const node = (op: string, inputs: ReturnType<Graph['input']>[], shape: number[], attributes: {}) =>
    graph.node(op, inputs, shape, 'float32', attributes, 'com.microsoft.nchwc')
  const x = graph.input([1, 2, 2, block], 'float32')
  const filter = graph.input([block, block, 1, 1], 'float32')
  const image = node('ReorderInput', [x], [1, block, 2, 2], { channels_last: 1 })
  const window = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 }
  const made = node('Conv', [image, filter], [1, block, 2, 2], window)
  const y = node('ReorderOutput', [made], [1, 2, 2, block], { channels: block, channels_last: 1 })
  const pixels = Float32Array.from({ length: 4 * block }, (_, at) => at % 7)
  const weights = Float32Array.from({ length: block * block }, (_, at) => at % 11)
  try {
    const model = encodeModel({ nodes: graph.nodes, inputs: [x, filter], outputs: [y] })
    const session = createSession(model, { threads: 1, device: 'cpu' })
    const result = emptyTensor(y)
    const feeds = {
      [x.name]: tensorOf('float32', pixels, x.shape),
      [filter.name]: tensorOf('float32', weights, filter.shape),
    }
    runSession(session, feeds, { [y.name]: result })
    session.dispose()
    return (result.data as Float32Array).every((value, at) => {
      const pixel = Math.floor(at / block) * block
      let sum = 0
      for (let from = 0; from < block; from++)
        sum += pixels[pixel + from]! * weights[from * block + (at % block)]!
      return value === sum
    })
  } catch {
    return false
  }
}

let found: number | undefined

/**
 * Channels in a block of ONNX Runtime's own layout on this processor: 16 with AVX-512, 8 with AVX; 0 where it has none, and on
 * other devices. The library does not tell, so it is tried out; the larger first, since a filter must be whole blocks.
 */
export function blockSize(): number {
  return options.device === 'cpu' ? (found ??= [16, 8].find(works) ?? 0) : 0
}

/** What graphs are written for at present. */
export const target: Target = {
  get device() {
    return options.device
  },
  blockSize,
}
