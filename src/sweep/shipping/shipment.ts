import type { Recorded } from '../../train/rules/recorded.js'
import type { Kinds } from '../../train/rules/registry.js'
import type { PackedDataset } from './datasets.js'

/** The place of another value in a shipment. */
export type At = number

/** A value on its way to another process: plain data that v8.serialize takes, with other values by their places. */
export type Packed =
  | { readonly kind: 'plain'; readonly value: unknown }
  | { readonly kind: 'symbol'; readonly key: string }
  | { readonly kind: 'array'; readonly items: readonly At[] }
  | {
      readonly kind: 'object'
      readonly of: At | undefined
      readonly bare: boolean
      readonly entries: readonly (readonly [string, At])[]
    }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [At, At])[] }
  | { readonly kind: 'set'; readonly items: readonly At[] }
  | { readonly kind: 'bytes'; readonly type: string; readonly blob: string }
  | {
      readonly kind: 'tensor'
      readonly shape: readonly number[]
      readonly dtype: string
      readonly values: At
      readonly variable?: { readonly trainable: boolean }
    }
  | { readonly kind: 'table'; readonly blob: string }
  | ({ readonly kind: 'dataset'; readonly table: At } & PackedDataset)
  | {
      readonly kind: 'layers'
      readonly sequential: boolean
      readonly config: At
      readonly weights: readonly At[]
    }
  /** What an export makes of these arguments, with the values of these parameters, a tree as its own. */
  | {
      readonly kind: 'recipe'
      readonly module: string
      readonly name: string
      readonly given: readonly At[]
      readonly values: At
    }
  | { readonly kind: 'made'; readonly by: keyof Kinds; readonly record: Recorded }
  | { readonly kind: 'global'; readonly name: string }
  | {
      readonly kind: 'import'
      readonly module: string
      readonly from: string | undefined
      readonly name: string
    }
  | { readonly kind: 'scope' }
  | { readonly kind: 'runtime' }
  | {
      readonly kind: 'function'
      readonly name: string
      readonly expression: string
      readonly variables: readonly (readonly [string, At])[]
    }

/** A function with all that it uses. */
export interface Shipment {
  readonly values: readonly Packed[]
  readonly root: At
  /** What the cells of a notebook have by name, as far as it is used. */
  readonly scope: readonly (readonly [string, At])[]
  /** Names of the global object that it uses: they must be there. */
  readonly globals: readonly string[]
  /** The folder from which it imports. */
  readonly folder: string
  /** Large values by the digest of their bytes. */
  readonly blobs: readonly string[]
}
