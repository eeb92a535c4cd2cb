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
import { pooled } from './pooled.js'
import { pooling } from './pooling.js'
import { pooling3d } from './pooling3d.js'
import { random } from './random.js'
import { reduction } from './reduction.js'
import { shape } from './shape.js'

/** Every kernel that has an ONNX form, by tfjs's name: one emitter each, for all modes. */
export const emitters: Emitters = {
  ...elementwise,
  ...exponential,
  ...reduction,
  ...shape,
  ...matmul,
  ...convolution,
  ...convolution3d,
  ...dilation,
  ...pooling,
  ...pooling3d,
  ...pooled,
  ...normalization,
  ...gather,
  ...image,
  ...random,
}
