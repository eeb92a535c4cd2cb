import { isNumber } from '../emitters/kernel.js'
import { maybeAddToProduct } from '../emitters/matmul.js'
import type { Value } from '../graph/graph.js'
import type { Fusion } from './fusion.js'

/** A bias that is added to a product which was reshaped, by the product and by nobody else: the layers of tfjs do so. */
export const productBias: Fusion = {
  kernel: 'Add',
  write({ inputs }, g) {
    const { a, b } = inputs as { a: Value; b: Value }
    return a.type === b.type && isNumber(a) ? maybeAddToProduct(g, a, b) : undefined
  },
}
