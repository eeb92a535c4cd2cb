/** A worker process: does the passes of one study that it is told of, or its parts of the steps of one run, one at a time. Started by local-worker.ts. */
import { setBackendOptions } from '../../backend/index.js'
import { setHost } from '../../host.js'
import { silentHost } from '../../hosts/silent.js'
import { messageOf } from '../../untrusted.js'
import type { Part, ReplicaOf } from '../../train/index.js'
import { Replica } from '../../train/run/replica.js'
import type { Job } from '../engine.js'
import { unpack } from '../shipping/unpack.js'
import type { FromWorker, ToWorker } from './messages.js'
import { RemotePass } from './passes.js'

let job: Job | undefined
let going: RemotePass | undefined
let replica: Replica | undefined

const say = (message: FromWorker): void => void process.send!(message)

type Load = Extract<ToWorker, { type: 'load' | 'loadReplica' }>

async function load(message: Load): Promise<void> {
  try {
    setBackendOptions({ threads: message.threads })
    const blobs = new Map(message.blobs)
    const root = await unpack(message.shipment, (digest) => blobs.get(digest)!)
    if (message.type === 'load')
      job = { name: '', objectives: message.objectives, trial: root as Job['trial'] }
    else replica = new Replica(root as ReplicaOf)
    say({ type: 'ready' })
  } catch (error) {
    say({ type: 'refused', message: messageOf(error) })
  }
}

function doPart(part: Part): void {
  try {
    say({ type: 'partDone', done: replica!.do(part) })
  } catch (error) {
    say({ type: 'partFailed', message: messageOf(error) })
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
    case 'loadReplica':
      return void load(message)
    case 'run':
      return void run(message)
    case 'part':
      return doPart(message.part)
    case 'stop':
      return going?.stop()
    case 'prune':
      return going?.prune(message.why)
  }
})
// Without the study nobody is told of anything. What runs are at is written as this process ends.
process.on('disconnect', () => process.exit())
