/** A worker process: does the passes of one study that it is told of, one at a time. Started by local-worker.ts. */
import { setBackendOptions } from '../../backend/index.js'
import { setHost } from '../../host.js'
import { silentHost } from '../../hosts/silent.js'
import { messageOf } from '../../untrusted.js'
import type { Job } from '../engine.js'
import { unpack } from '../shipping/unpack.js'
import type { FromWorker, ToWorker } from './messages.js'
import { RemotePass } from './passes.js'

let job: Job | undefined
let going: RemotePass | undefined

const say = (message: FromWorker): void => void process.send!(message)

async function load({ shipment, blobs, objectives, threads }: Extract<ToWorker, { type: 'load' }>): Promise<void> {
  try {
    setBackendOptions({ threads })
    const byDigest = new Map(blobs)
    const trial = await unpack(shipment, (digest) => byDigest.get(digest)!)
    job = { name: '', objectives, trial }
    say({ type: 'ready' })
  } catch (error) {
    say({ type: 'refused', message: messageOf(error) })
  }
}

async function run({ pass }: Extract<ToWorker, { type: 'run' }>): Promise<void> {
  going = new RemotePass()
  const ended = await going.do(pass, job!, {
    onReport: (report) => say({ type: 'report', report }),
    onCalls: (calls) => say({ type: 'calls', calls }),
  })
  going = undefined
  say({ type: 'ended', ended })
}

setHost(silentHost())
process.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'load':
      return void load(message)
    case 'run':
      return void run(message)
    case 'stop':
      return going?.stop()
    case 'prune':
      return going?.prune(message.why)
  }
})
// Without the study nobody is told of anything. What runs are at is written as this process ends.
process.on('disconnect', () => process.exit())
