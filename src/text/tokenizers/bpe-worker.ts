import { parentPort } from 'node:worker_threads'
import { learnMerges, WordCounts } from './merges.js'
import type { SplitPattern } from './patterns.js'

/** What `trainBpe` sends: texts as they come, then what to learn of them. */
export type Task = { text: string } | { learn: { most: number; minimum: number } } | { pattern: SplitPattern }

let words: WordCounts | undefined

parentPort!.on('message', (task: Task) => {
  if ('pattern' in task) words = new WordCounts(task.pattern)
  else if ('text' in task) words!.add(task.text)
  else {
    const { most, minimum } = task.learn
    const tell = (tokens: number) => parentPort!.postMessage({ tokens })
    parentPort!.postMessage({ learned: learnMerges(words!, most, minimum, tell) })
  }
})
