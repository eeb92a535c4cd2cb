import { anything, maybe } from '../../store/shape.js'
import { decodeTaken, encodeTaken } from '../held/encode.js'
import { bytesOf, type Held, type Taken } from '../held/held.js'
import type { Field } from './field.js'

/** What the model holds beside its parameters; files of a time when it could not have nothing of it. */
export const held: Field<Held | undefined, Taken | undefined> = {
  first: ({ trainee }) => trainee.held,
  keep: (live) => live?.take(),
  restore: (live, kept) => {
    if (live && kept) live.restore(kept)
  },
  shape: maybe(anything),
  encode(kept, draft) {
    let count = 0
    return (
      kept &&
      encodeTaken(kept, ({ buffer, byteOffset, byteLength }) => {
        draft.vector(`held:${count}`, new Uint8Array(buffer, byteOffset, byteLength))
        return count++
      })
    )
  },
  decode(json, found) {
    if (json === undefined || json === null) return undefined
    try {
      return decodeTaken(json, (at) => found.maybeValues(`held:${at}`, Uint8Array))
    } catch (error) {
      throw found.misfit(`a state beside the parameters that cannot be read (${(error as Error).message})`)
    }
  },
  misfit(kept, { trainee }) {
    if (!kept && !trainee.held) return undefined
    if (!kept) return 'no state beside the parameters, which the model has'
    return trainee.held
      ? trainee.held.misfit(kept)
      : 'a state beside the parameters, which the model has not: pass it as it was, { parameters, state, … }'
  },
  bytes: (kept, before) => (kept ? bytesOf(kept, before) : 0),
}
