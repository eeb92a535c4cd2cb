import type { Ended, Job, Pass, Watch } from '../engine.js'
import { doPass, Work } from '../work.js'

/** One pass in a process that is not the study's: it can be stopped, and be ended since others were better, from there. */
export class RemotePass {
  readonly #stop = new AbortController()
  #pruned: string | undefined

  stop(): void {
    this.#stop.abort()
  }

  prune(why: string): void {
    this.#pruned ??= why
    this.#stop.abort()
  }

  /** Does it; what its runs have made is on disk when it has ended. */
  async do(
    pass: Pass,
    job: Job,
    tell: Pick<Watch, 'onCalls'> & { onReport(report: Parameters<Watch['onReport']>[0]): void },
  ): Promise<Ended> {
    const watch: Watch = {
      onReport: (report) => {
        tell.onReport(report)
        return this.#pruned
      },
      onCalls: (calls) => tell.onCalls(calls),
    }
    const work = new Work(pass, watch, this.#stop.signal)
    const ended = await doPass(work, job)
    work.letGo()
    return this.#pruned !== undefined && ended.state === 'waiting'
      ? { state: 'pruned', message: this.#pruned }
      : ended
  }
}
