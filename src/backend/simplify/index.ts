import type { Node, Value } from '../onnx/model.js'
import { toElements } from '../onnx/types.js'
import { shareEqual } from './equal.js'
import { factor } from './factor.js'
import { writeSigmoids } from './sigmoid.js'
import { widenSpans } from './spans.js'
import type { Maker } from './writer.js'

/**
 * The same results in fewer passes over the data, rounded in other places: what runs is not a node for each operation that a program
 * wrote, in either mode. ONNX Runtime's own optimizer knows patterns of inference; these are of gradients and updates.
 */
export function simplify(nodes: readonly Node[], results: readonly Value[]): Node[] {
  const maker = createMaker()
  const distinct = shareEqual(nodes, results)
  const products = writeSigmoids(distinct, results, maker)
  const factored = factor(products, results, maker)
  // What was written for several groups of nodes: numbers by which their tensors are scaled.
  return widenSpans(shareEqual(factored, results, ({ outputs: [to] }) => to!.shape.length === 0))
}

function createMaker(): Maker {
  let made = 0
  const fresh = (shape: readonly number[]): Value => ({ name: `s${made++}`, shape, type: 'float32' })
  const constants = new Map<number, Value>()
  const constant = (number: number): Value => {
    let value = constants.get(number)
    if (!value) {
      value = { ...fresh([]), elements: toElements([number], 'float32') }
      constants.set(number, value)
    }
    return value
  }
  return { fresh, constant }
}
