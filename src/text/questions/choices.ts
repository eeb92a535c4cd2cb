import * as tf from '@tensorflow/tfjs'
import { compile } from '../../backend/compile/compile.js'
import { during } from '../../settle.js'
import { logProbabilities } from '../generation/sample.js'
import type { Gpt } from '../models/gpt.js'
import { crossEntropy } from '../parts/layers.js'

/** Logits that are there at once: 64 MB of them. */
const mostLogits = 2 ** 24
/** Room is taken in steps, so that few graphs are recorded. */
const step = 16

export interface ChoiceRoom {
  /** Tokens of the longest prompt and of the longest answer that will come. */
  prompt: number
  answer: number
}

/**
 * The logarithm of the probability of each answer behind a prompt, in nats. The prompt is read once for all of them: their keys and
 * values are looked at by every answer.
 */
export function choiceLikelihoods(
  model: Gpt,
  prompt: Int32Array,
  answers: readonly Int32Array[],
  room: ChoiceRoom,
): number[] {
  return model.held ? ofHeld(model, prompt, answers) : ofFloats(model, prompt, answers, room)
}

/** A model of few bits reads each answer with its prompt. */
function ofHeld(model: Gpt, prompt: Int32Array, answers: readonly Int32Array[]): number[] {
  const reader = model.held!.reader(1)
  const { vocabulary } = model.config
  return during(
    () => reader.dispose(),
    () =>
      answers.map((answer) => {
        const ids = Int32Array.from([...prompt, ...answer])
        const begins = prompt.length - 1
        let sum = 0
        reader.readAll(ids.subarray(0, -1), (logits, from) => {
          for (let at = Math.max(0, begins - from); at * vocabulary < logits.length; at++) {
            const row = logits.subarray(at * vocabulary, (at + 1) * vocabulary)
            sum += logProbabilities(row)[ids[from + at + 1]!]!
          }
        })
        return sum
      }),
  )
}

function ofFloats(
  model: Gpt,
  prompt: Int32Array,
  answers: readonly Int32Array[],
  room: ChoiceRoom,
): number[] {
  const { vocabulary, context } = model.config
  const { before, behind } = graphsOf(model)
  // What an answer begins behind is read with the answer: its logits are those of the first token.
  const length = prompt.length - 1
  const [promptRoom, answerRoom] = [room.prompt - 1, room.answer].map((tokens) =>
    roomFor(tokens, context),
  ) as [number, number]
  const atOnce = Math.max(1, Math.min(answers.length, Math.floor(mostLogits / vocabulary / answerRoom)))
  const found: number[] = []
  const [keys, values] = tf.tidy(() => {
    const ids = new Int32Array(promptRoom)
    ids.set(prompt.subarray(0, length))
    const read = before(tf.tensor2d(ids, [1, promptRoom], 'int32'))
    return [read.keys, read.values] as never
  }) as [tf.Tensor[], tf.Tensor[]]
  return during(
    () => tf.dispose([keys, values]),
    () => {
      for (let from = 0; from < answers.length; from += atOnce) {
        const some = answers.slice(from, from + atOnce)
        const x = new Int32Array(atOnce * answerRoom)
        const y = new Int32Array(atOnce * answerRoom).fill(-1)
        for (const [row, answer] of some.entries()) {
          x[row * answerRoom] = prompt[length]!
          x.set(answer.subarray(0, -1), row * answerRoom + 1)
          y.set(answer, row * answerRoom)
        }
        const losses = tf.tidy(
          () =>
            behind(
              tf.tensor2d(x, [atOnce, answerRoom], 'int32'),
              tf.tensor2d(y, [atOnce, answerRoom], 'int32'),
              tf.scalar(length, 'int32'),
              keys,
              values,
            ).dataSync() as never,
        ) as Float32Array
        for (const row of some.keys()) {
          let sum = 0
          for (let at = 0; at < answerRoom; at++) sum -= losses[row * answerRoom + at]!
          found.push(sum)
        }
      }
      return found
    },
  )
}

const roomFor = (tokens: number, context: number) =>
  Math.min(context, Math.ceil(Math.max(1, tokens) / step) * step)

interface Graphs {
  before(ids: tf.Tensor): { keys: tf.Tensor[]; values: tf.Tensor[] }
  behind(x: tf.Tensor, y: tf.Tensor, length: tf.Tensor, keys: tf.Tensor[], values: tf.Tensor[]): tf.Tensor
}

const graphs = new WeakMap<Gpt, Graphs>()

function graphsOf(model: Gpt): Graphs {
  const known = graphs.get(model)
  if (known) return known
  const { vocabulary, window, context } = model.config
  const made: Graphs = {
    before: compile(
      (ids: tf.Tensor) => {
        const keys: tf.Tensor[] = []
        const values: tf.Tensor[] = []
        model.logits(ids, {
          writing: {
            remember(layer, k, v) {
              keys[layer] = k
              values[layer] = v
              return { keys: k, values: v }
            },
            pick: (stream) => tf.slice(stream, [0, 0, 0], [1, 1, -1]),
          },
        })
        return { keys, values }
      },
      { otherwise: 'run', signatures: 16 },
    ),
    behind: compile(
      (x: tf.Tensor, y: tf.Tensor, length: tf.Tensor, keys: tf.Tensor[], values: tf.Tensor[]) => {
        const [rows, tokens] = x.shape as [number, number]
        const room = keys[0]!.shape[2]!
        const own = tf.range(0, tokens, 1, 'int32')
        // What only fills up may stand anywhere.
        const positions = own
          .add(length)
          .minimum(context - 1)
          .expandDims(0)
          .tile([rows, 1])
        // The places of all keys: those of the prompt, behind which nothing is, then those of the answer.
        const before = tf.range(0, room, 1, 'int32')
        const at = tf.concat([before, own.add(length)])
        const isThere = tf.concat([before.less(length), own.greaterEqual(0)]).reshape([1, room + tokens])
        const away = own
          .add(length)
          .reshape([tokens, 1])
          .sub(at.reshape([1, room + tokens]))
        const masks = window.map((width) =>
          tf
            .logicalAnd(tf.logicalAnd(away.greaterEqual(0), away.less(width)), isThere)
            .cast('float32')
            .sub(1)
            .mul(1e9)
            .reshape([1, 1, tokens, room + tokens]),
        )
        const together = (of: tf.Tensor, mine: tf.Tensor) => tf.concat([of.tile([rows, 1, 1, 1]), mine], 2)
        const logits = model.logits(x, {
          writing: {
            positions,
            room: room + tokens,
            masks,
            remember: (layer, k, v) => ({
              keys: together(keys[layer]!, k),
              values: together(values[layer]!, v),
            }),
          },
        })
        return crossEntropy(logits.reshape([rows * tokens, vocabulary]), y.flatten())
      },
      { otherwise: 'run', signatures: 16 },
    ),
  }
  graphs.set(model, made)
  return made
}
