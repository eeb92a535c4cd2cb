import type { Engine } from '../engine.js'
import { doPass, Work } from '../work.js'

/**
 * This process, one trial after the other: nothing has to be sent anywhere, and a trial may use all that the program has. A notebook
 * waits meanwhile, as for any training.
 *
 * @example const study = sweep({ space: { x: uniform(0, 1) }, trial: ({ x }) => x ** 2, engine: here() })
 */
export function here(): Engine {
  return {
    name: 'here',
    settings: {},
    async open(job) {
      /** Of passes that were broken off: their runs are handed over to those of the next. */
      const left = new Map<string, Work>()
      return {
        size: 1,
        async run(pass, watch, signal) {
          const key = `${pass.number}/${pass.seed}`
          const work = new Work(pass, watch, signal)
          const ended = await doPass(work, job)
          if (ended.state === 'waiting') left.set(key, work)
          else {
            work.letGo()
            left.get(key)?.letGo()
            left.delete(key)
          }
          return ended
        },
        close: async () => {},
      }
    },
  }
}
