/** DQN (Mnih et al. 2015) on a corridor: walk right to the end, and not a step too many. */
import * as tf from '@tensorflow/tfjs'
import { replayBuffer, sgd, type Batch, type IterationTools } from '../../../src/index.js'

export const cells = 5

/** An environment of one's own, which is no plain data: its place is private. */
export class Corridor {
  #at = 0
  #steps = 0
  get at() {
    return this.#at
  }
  get observation() {
    return Array.from({ length: cells }, (_, i) => Number(i === this.#at))
  }
  reset() {
    this.#at = this.#steps = 0
  }
  step(action: number) {
    this.#at = Math.max(0, this.#at + (action === 1 ? 1 : -1))
    const reached = this.#at === cells - 1
    const done = reached || ++this.#steps >= 40
    return { reward: reached ? 1 : -0.02, done, reached }
  }
  copy() {
    return Object.assign(new Corridor(), {}).decode(this.encode())
  }
  encode() {
    return { at: this.#at, steps: this.#steps }
  }
  decode({ at, steps }: { at: number; steps: number }) {
    this.#at = at
    this.#steps = steps
    return this
  }
}

/** @param through where state is found: as the iteration is given it, or by the names that the code closes over. */
export function dqn(through: 'tools' | 'closure' = 'tools') {
  const q = tf.variable(tf.zeros([cells, 2]))
  const target = tf.variable(tf.zeros([cells, 2]), false)
  const closed = {
    buffer: replayBuffer({ capacity: 300, dtypes: { action: 'int32' } }),
    environment: new Corridor(),
    episode: { count: 0, return: 0, last: [] as number[] },
  }
  return {
    parameters: { q, target },
    optimizers: { q: sgd({ learningRate: 0.5 }) },
    state: closed,
    iteration(_: Batch, { optimizers, iteration, random, state }: IterationTools<typeof closed>) {
      const { buffer, environment, episode } = through === 'tools' ? state : closed
      for (let step = 0; step < 4; step++) {
        const { observation } = environment
        const values = q.dataSync().subarray(2 * environment.at, 2 * environment.at + 2)
        const greedy = values[1]! > values[0]! ? 1 : 0
        const action = random.next() < Math.max(0.05, 0.9 - iteration / 60) ? random.integer(2) : greedy
        const { reward, done, reached } = environment.step(action)
        buffer.push({ observation, action, reward, next: environment.observation, ends: reached })
        episode.return += reward
        if (!done) continue
        episode.count++
        episode.last = [...episode.last.slice(-9), episode.return]
        episode.return = 0
        environment.reset()
      }
      if (buffer.length < 32) return { loss: 0, length: buffer.length }
      const batch = buffer.sample(random, 32)
      const best = batch.next.matMul(target as tf.Tensor2D).max(1)
      const wanted = batch.reward.add(best.mul(0.97).mul(tf.sub(1, batch.ends)))
      const loss = optimizers.q!.minimize(() => {
        const chosen = batch.observation
          .matMul(q as tf.Tensor2D)
          .mul(tf.oneHot(batch.action as tf.Tensor1D, 2))
          .sum(1)
        return chosen.sub(wanted).square().mean()
      }, ['q'])
      if (iteration % 10 === 0) target.assign(q)
      return { loss, length: buffer.length, episodes: episode.count, at: environment.at }
    },
  }
}
