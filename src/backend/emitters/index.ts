import { convolution } from './convolution.js'
import { convolution3d } from './convolution3d.js'
import { dilation } from './dilation.js'
import { elementwise } from './elementwise.js'
import { exponential } from './exponential.js'
import { gather } from './gather.js'
import { image } from './image.js'
import type { Emitters } from './kernel.js'
import { matmul } from './matmul.js'
import { normalization } from './normalization.js'
import { pooling } from './pooling.js'
import { pooling3d } from './pooling3d.js'
import { random } from './random.js'
import { reduction } from './reduction.js'
import { shape } from './shape.js'

/** Tables of kernels that belong together. None is in two of them (test/backend/fusions). */
export const families: readonly Emitters[] = [
  elementwise,
  exponential,
  reduction,
  shape,
  matmul,
  convolution,
  convolution3d,
  dilation,
  pooling,
  pooling3d,
  normalization,
  gather,
  image,
  random,
]

/** Every kernel that has an ONNX form, by tfjs's name: one row each, for all modes. */
export const emitters: Emitters = Object.assign({}, ...families)
