import type * as tf from '@tensorflow/tfjs'

/** The parts of a layer that regularizers hang on; tfjs keeps them out of its types. */
interface Regular {
  calculateLosses(): tf.Scalar[]
  getClassName(): string
  layers?: Regular[]
  layer?: Regular
  forwardLayer?: Regular
  backwardLayer?: Regular
  cell?: Regular & { cells?: Regular[] }
}

/**
 * What the regularizers of a model's layers add to its loss, each weight once, as Keras has it. tfjs forgets those in the
 * cells of recurrent layers, and counts a layer as often as it is used.
 */
export function penaltiesOf(model: object): tf.Scalar[] {
  const found: tf.Scalar[] = []
  const seen = new Set<Regular>()
  function visit(layer: Regular | undefined): void {
    if (!layer || seen.has(layer)) return
    seen.add(layer)
    const kind = layer.getClassName()
    if (layer.layers) for (const inner of layer.layers) visit(inner)
    else if (kind === 'TimeDistributed') visit(layer.layer)
    else if (kind === 'Bidirectional')
      for (const side of [layer.forwardLayer, layer.backwardLayer]) visit(side)
    else {
      found.push(...layer.calculateLosses())
      visit(layer.cell)
      for (const cell of layer.cell?.cells ?? []) visit(cell)
    }
  }
  visit(model as Regular)
  return found
}
