import type { Node, Value } from '../onnx/model.js'
import { shareEqual } from './equal.js'
import { writeGelus } from './gelu.js'
import { createMaker } from './maker.js'
import { scaleProducts } from './products.js'
import { moveScales } from './scales.js'
import { findMade } from './uses.js'

/**
 * The same results in fewer passes over the data. ONNX Runtime runs an operator for each that is written, and its own optimizer
 * knows patterns of inference; these are of gradients and updates.
 *
 * The rule: **a program is rounded where it was written to be.** Its sums and products are neither reordered nor multiplied out
 * nor put together, whatever is in them: `(1 - p) + 1e-8` is not `(1 + 1e-8) - p`, and `(x * 1e-8) * x` is finite where `x * x`
 * is not. What is done instead of what was written must, for every float32 with its infinities, NaN and both zeros, be
 *
 * - the same to the bit: equal nodes once (equal.ts), powers of two and signs moved (scales.ts), products of matrices scaled by their own operator
 *   (products.ts); where such a number moves, what comes between may only come nearer to 1 than it was, so nothing overflows that did not, and no digits
 *   are lost to denormals that were kept;
 * - or nearer to the value that the expression has without rounding, with no number on the way that is larger than those that were
 *   written (gelu.ts: with the proof).
 *
 * ONNX Runtime's own passes that keep to neither are turned off (native.ts). test/backend/passes/arithmetic.test.ts holds all of it
 * to the error that the written program may have.
 */
export function simplify(nodes: readonly Node[], results: readonly Value[]): Node[] {
  const maker = createMaker()
  const distinct = shareEqual(nodes, results)
  const slopes = writeGelus(distinct, results, maker)
  const moved = moveScales(slopes, results, maker)
  return scaleProducts(shareEqual(findMade(moved, results), results), results)
}
