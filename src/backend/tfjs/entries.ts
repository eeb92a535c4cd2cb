import * as tf from '@tensorflow/tfjs'
import { GradbookError } from '../../errors.js'
import type { Entry } from '../session/entry.js'

/**
 * The entries of a backend by `dataId`. An entry made here is its own `dataId`, which saves a `WeakMap` for every tensor; those
 * that came from another backend have an id that was there before them.
 */
export class Entries extends tf.DataStorage<Entry> {
  override get(dataId: object): Entry {
    if (this.isOwn(dataId)) return dataId
    try {
      return super.get(dataId)
    } catch (error) {
      // tfjs looks for a backend that has it, and stumbles when there is none.
      if (error instanceof TypeError)
        throw new GradbookError('a tensor is used that has been disposed', { cause: error })
      throw error
    }
  }

  override has(dataId: object): boolean {
    return this.isOwn(dataId) || super.has(dataId)
  }

  override delete(dataId: object): boolean {
    if (!this.isOwn(dataId)) return super.delete(dataId)
    dataId.storage = undefined
    this.count(-1)
    return true
  }

  /** Takes an entry as its own id. */
  add(entry: Entry): void {
    entry.storage = this
    this.count(1)
  }

  private isOwn(dataId: object): dataId is Entry {
    return (dataId as Entry).storage === this
  }

  private count(more: number): void {
    ;(this as unknown as { dataIdsCount: number }).dataIdsCount += more
  }
}
