/** A worker on a node of a cluster: does one pass, and talks in frames with the task of Ray that started it. */
import { writeSync } from 'node:fs'
import { deserialize, serialize } from 'node:v8'
import { setBackendOptions } from '../../backend/index.js'
import { setHost } from '../../host.js'
import { silentHost } from '../../hosts/silent.js'
import { messageOf } from '../../untrusted.js'
import type { Job, Pass } from '../engine.js'
import type { Sent } from '../shipping/pack.js'
import { unpack } from '../shipping/unpack.js'
import { encodeFrame, frameReader, type Frame } from './frames.js'
import { RemotePass } from './passes.js'

/** What is sent once: the trial with all that it uses. */
export interface RayLoad {
  readonly sent: Sent
  readonly objectives: Job['objectives']
  readonly threads: number
}

const going = new RemotePass()

function say(type: string, value?: unknown): void {
  const bytes = encodeFrame({ type }, value === undefined ? new Uint8Array() : serialize(value))
  for (let at = 0; at < bytes.length;)
    try {
      at += writeSync(1, bytes, at)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
}

async function run(load: RayLoad, pass: Pass): Promise<void> {
  let trial: Job['trial']
  try {
    setBackendOptions({ threads: load.threads })
    trial = (await unpack(load.sent.shipment, (digest) => load.sent.blobs.get(digest)!)) as Job['trial']
  } catch (error) {
    return say('refused', messageOf(error))
  }
  const job = { name: '', objectives: load.objectives, trial }
  const ended = await going.do(pass, job, {
    onReport: (report) => say('report', report),
    onCalls: (calls) => say('calls', calls),
  })
  say('ended', ended)
}

setHost(silentHost())
// What the trial prints is no frame.
process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write
let load: RayLoad | undefined
process.stdin.on(
  'data',
  frameReader(({ head, body }: Frame) => {
    if (head.type === 'load') load = deserialize(body) as RayLoad
    if (head.type === 'run')
      void run(load!, { ...(deserialize(body) as Pass), folder: head.folder as string })
    if (head.type === 'stop') going.stop()
    if (head.type === 'prune') going.prune(head.why as string)
  }),
)
process.stdin.on('end', () => process.exit())
