import type { Fusion } from './fusion.js'
import { pooledConvolution, pooledGradient } from './pooled.js'
import { biasGradient, filterGradient, inputGradient } from './pooled-gradients.js'
import { productBias } from './product-bias.js'
import { pooledReluGradient, reluGradient } from './relu-gradient.js'
import { squareSum } from './square-sum.js'

/** Patterns of calls, asked in this order before the rows of `emitters/`: the first that fits writes the call. */
export const fusions: readonly Fusion[] = [
  pooledConvolution,
  pooledGradient,
  pooledReluGradient,
  reluGradient,
  filterGradient,
  inputGradient,
  biasGradient,
  squareSum,
  productBias,
]
