import { parentPort } from 'node:worker_threads'
import type { TextDocument } from '../corpora/corpus.js'
import { openTokenizer } from '../tokenizers/open.js'
import type { ShardIndex } from './layout.js'
import { ChangedText, MissingFile, ShardWriter } from './writer.js'

/** What `shards` sends: where to write, then documents as they come, then that they are all. */
export type Task =
  | { folder: string; tokenizer: object; index: ShardIndex; sample: { text: string; ids: Int32Array } }
  | { documents: TextDocument[] }
  | { end: true }

/** After each task. */
export type Answer =
  | { index: Pick<ShardIndex, 'tokens' | 'documents' | 'textBytes'>; done?: ShardIndex }
  | { changed: true }
  | { missing: string }
  | { otherTokenizer: true }
  | { failed: unknown }

let writer: ShardWriter | undefined
let failed = false
let before = Promise.resolve()

parentPort!.on('message', (task: Task) => {
  // One after the other: to open a tokenizer takes a turn.
  before = before.then(() => work(task)).catch(fail)
})

async function work(task: Task): Promise<void> {
  if (failed) return
  if ('folder' in task) {
    const tokenizer = await openTokenizer(task.tokenizer, 'tokenizer.toJSON()')
    const { text, ids } = task.sample
    if (String(tokenizer.encode(text)) !== String(ids)) {
      failed = true
      return answer({ otherTokenizer: true })
    }
    writer = new ShardWriter(task.folder, tokenizer, task.index)
  } else if ('documents' in task) for (const document of task.documents) writer!.add(document)
  else writer!.finish()
  const { tokens, documents, textBytes } = writer!.index
  answer({ index: { tokens, documents, textBytes }, ...('end' in task && { done: writer!.index }) })
}

function fail(error: unknown): void {
  failed = true
  // An error's class does not come over.
  if (error instanceof ChangedText) answer({ changed: true })
  else if (error instanceof MissingFile) answer({ missing: error.message })
  else answer({ failed: (error as { problem?: object }).problem ?? error })
}

const answer = (message: Answer): void => parentPort!.postMessage(message)
