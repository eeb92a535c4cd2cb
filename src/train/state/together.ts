/** A run that several workers train: what they are told and what they say, as data, and who they are. */

/** A tensor as data. */
export interface Numbers {
  readonly shape: readonly number[]
  readonly dtype: string
  readonly values: Float32Array | Int32Array | Uint8Array
}

/** A batch as data: its tensors by their place, and what its examples count where they do not all count 1. */
export interface SentBatch {
  readonly tensors: { readonly [place: string]: Numbers }
  readonly ids: readonly number[]
  readonly weights?: Float32Array
}

/** What those who train along are told beside the batches: the run as it stands. */
export interface Standing {
  readonly values: readonly Numbers[]
  readonly state: readonly Numbers[]
  /** Of the first batch. */
  readonly iteration: number
  readonly settings: { readonly [setting: string]: unknown }
  readonly optimizer: { readonly name: string; readonly settings: { readonly [name: string]: unknown } }
  /** Of who is told: dropouts differ. */
  readonly place: number
}

/** A part of a step that several make together. */
export type Part =
  | ({ readonly kind: 'gradients'; readonly batch: SentBatch } & Standing)
  | ({
      readonly kind: 'steps'
      readonly batches: readonly SentBatch[]
      readonly rates: readonly number[]
    } & Standing)

/** What came of it. */
export interface PartDone {
  /** Gradients, or the parameters after the steps; null where the loss does not depend on one. */
  readonly values: readonly (Float32Array | null)[]
  readonly state: readonly Float32Array[]
  /** By step. */
  readonly losses: readonly number[]
  readonly norms: readonly number[]
  /** Of each example, by step; empty where the loss gives only the mean. */
  readonly perExample: readonly Float32Array[]
  readonly milliseconds: number
}

/** Who trains along. */
export interface Replicas {
  readonly size: number
  /** Does the parts, each in its place; where a worker is lost the part is done again by another. */
  all(parts: readonly Part[], signal: AbortSignal): Promise<readonly PartDone[]>
  close(): void
}

/** How a run is trained by several. */
export interface Together {
  readonly every: number
  readonly outer: { readonly learningRate: number; readonly momentum: number }
  readonly replicas: Replicas
  /** Averages so far. */
  rounds: number
  /** Bytes of parameters and gradients that went there and came back. */
  bytes: number
}
