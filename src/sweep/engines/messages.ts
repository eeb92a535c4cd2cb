import type { Part, PartDone } from '../../train/index.js'
import type { Calls, Ended, Job, Pass, PassReport } from '../engine.js'
import type { Shipment } from '../shipping/shipment.js'

/** What a worker is told. */
export type ToWorker =
  | {
      readonly type: 'load'
      readonly shipment: Shipment
      readonly blobs: readonly (readonly [digest: string, bytes: Uint8Array])[]
      readonly objectives: Job['objectives']
      readonly threads: number
    }
  /** Of a run that several train: what a Replica is made of. */
  | {
      readonly type: 'loadReplica'
      readonly shipment: Shipment
      readonly blobs: readonly (readonly [digest: string, bytes: Uint8Array])[]
      readonly threads: number
    }
  | { readonly type: 'run'; readonly pass: Pass }
  | { readonly type: 'part'; readonly part: Part }
  | { readonly type: 'stop' }
  /** Others were better. */
  | { readonly type: 'prune'; readonly why: string }

/** What a worker says. */
export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'refused'; readonly message: string }
  | { readonly type: 'report'; readonly report: PassReport }
  | { readonly type: 'calls'; readonly calls: Calls }
  | { readonly type: 'ended'; readonly ended: Ended }
  | { readonly type: 'partDone'; readonly done: PartDone }
  | { readonly type: 'partFailed'; readonly message: string }
