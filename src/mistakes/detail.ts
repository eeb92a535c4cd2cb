import type { Dataset } from '../data/dataset.js'

/** What was seen of each example of an evaluation, by position in its dataset. */
export interface EvaluationDetail {
  iteration: number
  dataset: Dataset
  losses: Float32Array
  /** Whether the loss gives only the mean of a batch: then `losses` are NaN. */
  onlyMean?: boolean
  /** What the loss says of each example beside it, by name. */
  said?: { [name: string]: Float32Array }
  /** Class index, or value of a single output; missing where predictions are neither. */
  predicted?: Float32Array
  /** Of the predicted class. */
  probability?: Float32Array
  /** 1 where right, 0 where wrong; missing where predictions are not over classes. */
  right?: Uint8Array
  /** The same of each output, where there are several, with the name of its part of y. Then `right` says that all are. */
  outputs?: {
    [output: string]: Pick<EvaluationDetail, 'predicted' | 'probability' | 'right'> & { part: string }
  }
  /** 1 where it was right in any evaluation of the run before this one. */
  everRight?: Uint8Array
}
