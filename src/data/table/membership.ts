import type { SplitName } from '../dataset.js'

const splits: readonly SplitName[] = ['train', 'validation', 'test']

/** Where an id is: shared by the splits of one source. */
export interface Membership {
  add(id: number, split: SplitName, position: number): void
  get(id: number): { split: SplitName; position: number } | undefined
}

/** Ids that are row numbers: five bytes a row, where a Map takes fifty. Ten million rows are 50 MB. */
export function rowMembership(rows: number): Membership {
  const positions = new Int32Array(rows)
  const codes = new Uint8Array(rows)
  return {
    add(id, split, position) {
      positions[id] = position
      codes[id] = splits.indexOf(split) + 1
    },
    get(id) {
      const code = codes[id]
      return code ? { split: splits[code - 1]!, position: positions[id]! } : undefined
    },
  }
}

/** Ids that are the positions of the one split that there is: nothing has to be kept. */
export function sameMembership(rows: number, split: SplitName): Membership {
  return {
    add() {},
    get: (id) => (Number.isInteger(id) && id >= 0 && id < rows ? { split, position: id } : undefined),
  }
}

/** Ids of the user's own. */
export function mapMembership(): Membership {
  const places = new Map<number, { split: SplitName; position: number }>()
  return {
    add: (id, split, position) => void places.set(id, { split, position }),
    get: (id) => places.get(id),
  }
}
