import type { Info } from '../emitters/convolution.js'
import type { PoolInfo } from '../emitters/tiles.js'
import type { Value } from '../graph/graph.js'

/** A convolution as it was called, before activation. */
export interface Convolution {
  x: Value
  filter: Value
  bias: Value | undefined
  info: Info
}

/** How the tiles of a pooled convolution lie in memory. */
export interface TileLayout {
  /** The convolution, bias included, at each place in the windows. */
  tiles: readonly Value[]
  /** A pooled image [batch, height, width, channels] as it lies in a tile, and back. */
  fromImage(image: Value): Value
  toImage(tile: Value): Value
  /** Gradients from those of the tiles: the whole convolution's, or `undefined` where it is best made from that. */
  filterGradient(parts: readonly Value[]): Value | undefined
  inputGradient(parts: readonly Value[]): Value | undefined
  biasGradient(parts: readonly Value[]): Value | undefined
}

/** A convolution that is made in the tiles of the pooling that takes it. */
export interface Pooled {
  convolution: Convolution
  pool: PoolInfo
  layout: TileLayout
  tiles: readonly Value[]
  largest: Value
  /** What came out. */
  image: Value
  /** Whether there is a relu between, as a kernel of its own. */
  hasRelu: boolean
}

/** A gradient of a convolution as those of its tiles. */
export interface TiledGradient {
  pooled: Pooled
  parts: readonly Value[]
  /** The gradient of what was pooled, where it comes through. */
  reached: Value
}
