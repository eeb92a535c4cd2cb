import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  adamw,
  backendStatistics,
  compile,
  randomNormal,
  setBackendOptions,
  Untraceable,
  withRandomness,
  type Tensors,
} from '../../src/backend/index.js'
import { copyValues } from '../../src/backend/copy.js'
import { onnxRuntime } from '../../src/backend/register.js'

beforeAll(async () => {
  await tf.setBackend('onnxruntime')
  setBackendOptions({ minimumSize: 0, mode: 'lazy' })
})
beforeEach(() => void backendStatistics())
afterEach(() => {
  tf.disposeVariables()
  expect(tf.getBackend()).toBe('onnxruntime')
})

const x = () => tf.randomNormal([16, 4], 0, 1, 'float32', 1)
const y = () => tf.randomNormal([16, 1], 0, 1, 'float32', 2)

let count = 0

/** A small regression: its variables, its loss, and their values. */
function regression() {
  const w = tf.variable(tf.randomNormal([4, 1], 0, 1, 'float32', 3), true, `w${++count}`)
  const b = tf.variable(tf.zeros([1]), true, `b${count}`)
  const loss = (inputs: tf.Tensor, targets: tf.Tensor) =>
    inputs
      .matMul(w as unknown as tf.Tensor2D)
      .add(b)
      .tanh()
      .sub(targets)
      .square()
      .mean() as tf.Scalar
  return { w, b, loss, values: () => [...w.dataSync(), ...b.dataSync()] }
}

const optimizers: { [name: string]: () => tf.Optimizer } = {
  sgd: () => tf.train.sgd(0.1),
  momentum: () => tf.train.momentum(0.1, 0.9),
  nesterov: () => tf.train.momentum(0.1, 0.9, true),
  rmsprop: () => tf.train.rmsprop(0.01, 0.9, 0.5, 1e-6, true),
  adagrad: () => tf.train.adagrad(0.1),
  adadelta: () => tf.train.adadelta(1),
  adam: () => tf.train.adam(0.01),
  adamax: () => tf.train.adamax(0.01),
}

describe('a compiled training step', () => {
  for (const [name, make] of Object.entries(optimizers))
    it(`with tfjs's ${name} follows the uncompiled one, also when the rate changes, with one recording`, () => {
      const [plain, fast] = [regression(), regression()]
      const [one, two] = [make(), make()]
      const [inputs, targets] = [x(), y()]
      const step = compile((a: tf.Tensor, b: tf.Tensor) => two.minimize(() => fast.loss(a, b), true)!)
      const setRate = (optimizer: tf.Optimizer, rate: number) => {
        const settable = optimizer as unknown as {
          learningRate: number
          setLearningRate?(rate: number): void
        }
        if (settable.setLearningRate) settable.setLearningRate(rate)
        else settable.learningRate = rate
      }
      for (let i = 0; i < 20; i++) {
        if (i === 10) for (const optimizer of [one, two]) setRate(optimizer, 0.003)
        const expected = one.minimize(() => plain.loss(inputs, targets), true)!
        const received = step(inputs, targets)
        const relative = Math.abs(received.dataSync()[0]! / expected.dataSync()[0]! - 1)
        expect(relative, `loss of step ${i}`).toBeLessThan(1e-5)
        tf.dispose([expected, received])
      }
      for (const [at, value] of plain.values().entries()) expect(fast.values()[at]).toBeCloseTo(value, 5)
      expect(two.iterations).toBe(one.iterations)
      expect(step.recordings).toBe(1)
      step.dispose()
      tf.dispose([inputs, targets])
    })

  it('with an optimizer of ours takes the rate and the iteration as numbers, without another recording', () => {
    const { w, loss, values } = regression()
    const optimizer = adamw({ learningRate: 0.1 })
    const slots: Tensors = Object.fromEntries(
      Object.entries(optimizer.init(w, 'w')).map(([slot, value]) => [slot, tf.variable(value, false)]),
    )
    const [inputs, targets] = [x(), y()]
    const body = (learningRate: tf.Scalar, iteration: tf.Scalar) =>
      tf.tidy(() => {
        const { value, grads } = tf.variableGrads(() => loss(inputs, targets), [w])
        const gradient = grads[w.name]!
        const next = optimizer.update({ name: 'w', value: w, gradient, slots, learningRate, iteration })
        w.assign(next.value)
        for (const slot in slots) (slots[slot] as tf.Variable).assign(next.slots[slot]!)
        return value
      })
    const start = values()
    const expected: number[] = []
    for (let i = 1; i <= 5; i++) expected.push(body(tf.scalar(0.1 / i), tf.scalar(i)).dataSync()[0]!)
    w.assign(tf.tensor(start.slice(0, 4), [4, 1]))
    for (const slot of Object.values(slots)) (slot as tf.Variable).assign(tf.zerosLike(slot))
    const step = compile(body as unknown as (rate: number, iteration: number) => tf.Scalar)
    for (let i = 1; i <= 5; i++) expect(step(0.1 / i, i).dataSync()[0]).toBeCloseTo(expected[i - 1]!, 6)
    expect(step.recordings).toBe(1)
    step.dispose()
  })

  it('runs as one graph a call, however small its kernels are', () => {
    setBackendOptions({ minimumSize: 1000 })
    const { loss } = regression()
    const optimizer = tf.train.sgd(0.1)
    const step = compile((a: tf.Tensor, b: tf.Tensor) => optimizer.minimize(() => loss(a, b), true)!)
    const [inputs, targets] = [x(), y()]
    step(inputs, targets).dispose()
    backendStatistics()
    for (let i = 0; i < 5; i++) step(inputs, targets).dispose()
    expect(backendStatistics()).toMatchObject({ flushes: 5, sessions: 0 })
    setBackendOptions({ minimumSize: 0 })
  })

  it('records again for another batch size, and no more than once for each', () => {
    const { loss } = regression()
    const optimizer = tf.train.sgd(0.1)
    const step = compile((a: tf.Tensor, b: tf.Tensor) => optimizer.minimize(() => loss(a, b), true)!)
    for (const rows of [16, 5, 16, 5]) tf.tidy(() => void step(x().slice(0, rows), y().slice(0, rows)))
    expect(step.recordings).toBe(2)
    step.dispose()
  })

  it('keeps what is frozen to the bit, compiled or not, and records nothing for others that are', () => {
    for (const otherwise of ['throw', 'run'] as const) {
      const { w, b, loss } = regression()
      const [inputs, targets] = [x(), y()]
      const optimizer = tf.train.sgd(0.1)
      let frozen: Set<tf.Variable> | undefined
      const step = compile(
        () => {
          const value = optimizer.minimize(() => loss(inputs, targets), true)!
          if (otherwise === 'run') value.dataSync()
          return value
        },
        { frozen: () => frozen, otherwise },
      )
      step().dispose()
      for (const [one, other] of [
        [w, b],
        [b, w],
      ] as const) {
        frozen = new Set([one])
        const before = [one.dataSync().slice(), other.dataSync().slice()]
        step().dispose()
        expect(one.dataSync()).toEqual(before[0])
        expect(other.dataSync()).not.toEqual(before[1])
      }
      expect(step.recordings).toBe(otherwise === 'throw' ? 1 : 0)
    }
  })

  it('leaves no tensor behind', () => {
    const { loss } = regression()
    const optimizer = tf.train.adam(0.01)
    const step = compile((a: tf.Tensor, b: tf.Tensor) => optimizer.minimize(() => loss(a, b), true)!)
    const [inputs, targets] = [x(), y()]
    step(inputs, targets).dispose()
    const { numTensors, numDataBuffers } = tf.memory()
    for (let i = 0; i < 20; i++) step(inputs, targets).dispose()
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers })
    step.dispose()
  })
})

describe('recording a function', () => {
  it('changes nothing: variables and counts stand as before, also after a throw', () => {
    const { w, loss, values } = regression()
    const optimizer = tf.train.adam(0.01)
    const before = values()
    const { numTensors } = tf.memory()
    const broken = compile((a: tf.Tensor) => {
      w.assign(w.add(a.mean()) as tf.Tensor2D)
      throw new Error('in the middle')
    })
    expect(() => broken(x())).toThrow('in the middle')
    expect(values()).toEqual(before)
    const reading = compile((a: tf.Tensor, b: tf.Tensor) => {
      const cost = optimizer.minimize(() => loss(a, b), true)!
      return cost.dataSync()[0]
    })
    expect(() => reading(x(), y())).toThrow(Untraceable)
    expect(values()).toEqual(before)
    expect(optimizer.iterations).toBe(0)
    expect(tf.memory().numTensors - numTensors).toBeLessThanOrEqual(3 + 2 * 2) // the arguments above, and Adam's slots
  })

  it('takes the first step with the numbers of any other', () => {
    const [early, late] = [regression(), regression()]
    const [inputs, targets] = [x(), y()]
    const stepOf = (model: ReturnType<typeof regression>) => {
      const optimizer = tf.train.adam(0.01)
      return compile((a: tf.Tensor, b: tf.Tensor) => optimizer.minimize(() => model.loss(a, b), true)!)
    }
    const [first, second] = [stepOf(early), stepOf(late)]
    first(inputs, targets).dispose()
    second(inputs, targets).dispose()
    expect(late.values()).toEqual(early.values())
  })

  it('is refused where a value is read, with the line', () => {
    const bad = compile((a: tf.Tensor) => (a.sum().dataSync()[0]! > 0 ? a : a.neg()))
    expect(() => bad(tf.ones([2]))).toThrow(/read inside.*compile\.test\.ts:\d+/)
  })

  it('is refused for random numbers that would repeat, and says what to use', () => {
    const bad = compile((a: tf.Tensor) => a.add(tf.randomNormal([2])))
    expect(() => bad(tf.ones([2]))).toThrow(/tf\.randomNormal.*randomNormal of 'gradbook\/backend'/)
    const dropout = compile((a: tf.Tensor) => tf.dropout(a, 0.5))
    expect(() => dropout(tf.ones([2]))).toThrow(/withRandomness/)
  })

  it('is refused for a kernel that has no form, by its name', () => {
    const bad = compile((a: tf.Tensor) => tf.unique(a).values)
    expect(() => bad(tf.ones([4]))).toThrow(/the kernel Unique/)
  })

  it('runs uncompiled instead where that is asked for, and keeps the reason', () => {
    const lenient = compile((a: tf.Tensor) => tf.unique(a).values, { otherwise: 'run' })
    expect([...lenient(tf.ones([4])).dataSync()]).toEqual([1])
    expect(lenient.reason).toMatch(/Unique/)
  })
})

describe('a compiled function', () => {
  it('takes and gives tensors in arrays and objects, and other values as they are', () => {
    const work = compile((at: { x: tf.Tensor; list: tf.Tensor[]; power: number; name: string }) => ({
      sum: tf.addN([at.x, ...at.list]).pow(at.power),
      name: at.name,
      again: [at.x],
    }))
    const call = (power: number, name: string) =>
      work({ x: tf.tensor1d([1, 2]), list: [tf.tensor1d([3, 4]), tf.tensor1d([5, 6])], power, name })
    expect([...call(2, 'a').sum.dataSync()]).toEqual([81, 144])
    const { sum, name, again } = call(1, 'b')
    expect([...sum.dataSync(), name, ...again[0]!.dataSync()]).toEqual([9, 12, 'b', 1, 2])
    expect(work.recordings).toBe(2) // one for each name
  })

  it('keeps a clone of a variable at the value of its time', () => {
    const w = tf.variable(tf.tensor1d([1, 2]))
    const reference = w.clone()
    const step = compile((rate: number) => {
      w.assign(w.add(rate as never) as tf.Tensor1D)
      return w.sub(reference)
    })
    expect([...step(1).dataSync()]).toEqual([1, 1])
    const snapshot = w.clone()
    expect([...step(1).dataSync()]).toEqual([2, 2])
    expect([...snapshot.dataSync(), ...reference.dataSync(), ...w.dataSync()]).toEqual([2, 3, 1, 2, 3, 4])
  })

  it('leaves an array alone that was read from a variable', () => {
    const w = tf.variable(tf.tensor1d([1, 2]))
    const step = compile(() => w.assign(w.mul(2)))
    step()
    const read = w.dataSync()
    for (let i = 0; i < 3; i++) step()
    expect([...read]).toEqual([2, 4])
    expect([...w.dataSync()]).toEqual([16, 32])
  })

  it('keeps its two arrays where values are copied and not read, and the copy is the caller’s', () => {
    const { w, b, loss } = regression()
    const optimizer = tf.train.sgd(0.1)
    const step = compile((a: tf.Tensor, c: tf.Tensor) => optimizer.minimize(() => loss(a, c), true, [w, b])!)
    const [inputs, targets] = [x(), y()]
    const arrays = new Set<object>()
    for (let i = 0; i < 6; i++) {
      step(inputs, targets).dispose()
      const copy = copyValues(w)
      copy.fill(0)
      arrays.add(onnxRuntime().data.get(w.dataId).readyTensor().data.buffer)
    }
    expect(arrays.size).toBe(2)
    expect([...copyValues(w)]).toEqual([...w.dataSync()])
    expect(w.dataSync().every((value) => value !== 0)).toBe(true)
    tf.dispose([inputs, targets])
  })

  it('and work that waits see each other’s changes in order', () => {
    const w = tf.variable(tf.tensor1d([1, 2]))
    const step = compile(() => w.assign(w.mul(2)))
    const before = w.add(0.5)
    step()
    w.assign(w.add(1))
    step()
    expect([...before.dataSync(), ...w.dataSync()]).toEqual([1.5, 2.5, 6, 10])
  })

  it('draws other random numbers in each iteration, the same as uncompiled', () => {
    const layer = tf.layers.dropout({ rate: 0.5, seed: 1 })
    const work = (a: tf.Tensor) =>
      tf.tidy(() => (layer.apply(a, { training: true }) as tf.Tensor).add(randomNormal([64])))
    const fast = compile(work)
    const ones = tf.ones([64])
    const at = (iteration: number, fn: typeof work) => [
      ...withRandomness({ seed: 1, iteration }, () => fn(ones)).dataSync(),
    ]
    expect(at(1, fast)).toEqual(at(1, work))
    expect(at(2, fast)).toEqual(at(2, work))
    expect(at(2, fast)).not.toEqual(at(1, fast))
    expect(fast.recordings).toBe(1)
  })

  it('refuses an iteration that would be written down', () => {
    const bad = compile((a: tf.Tensor) => withRandomness({ seed: 1, iteration: 3 }, () => tf.dropout(a, 0.5)))
    expect(() => bad(tf.ones([4]))).toThrow(/scalar tensor/)
    const good = compile((a: tf.Tensor, iteration: number) =>
      withRandomness({ seed: 1, iteration: iteration as unknown as tf.Tensor }, () => tf.dropout(a, 0.5)),
    )
    const drawn = (iteration: number) => [...good(tf.ones([64]), iteration).dataSync()]
    expect(drawn(3)).toEqual([
      ...withRandomness({ seed: 1, iteration: 3 }, () => tf.dropout(tf.ones([64]), 0.5)).dataSync(),
    ])
    expect(drawn(4)).not.toEqual(drawn(3))
  })

  it('runs as it is on another backend', async () => {
    await tf.setBackend('cpu')
    const twice = compile((a: tf.Tensor) => a.mul(2))
    expect([...twice(tf.tensor1d([1, 2])).dataSync()]).toEqual([2, 4])
    expect(twice.recordings).toBe(0)
    await tf.setBackend('onnxruntime')
  })
})

describe('a function that is hard to record', () => {
  it('is refused where it is asynchronous, and its own rejection goes nowhere', () => {
    const step = compile(async (value: tf.Tensor) => {
      const [first] = await value.mul(2).data()
      return tf.scalar(first!)
    })
    expect(() => step(tf.scalar(1))).toThrow(/asynchronous.*Return the tensors/)
    const allowed = compile(async (value: tf.Tensor) => value.mul(2), { otherwise: 'run' })
    return expect(allowed(tf.scalar(2)).then((result) => result.dataSync()[0])).resolves.toBe(4)
  })

  it('is refused for Math.random, which would be the same number for ever', () => {
    const { random } = Math
    const step = compile((value: tf.Tensor) => value.mul(Math.random()))
    expect(() => step(tf.scalar(1))).toThrow(/Math\.random.*compile\.test\.ts.*argument/s)
    expect(Math.random).toBe(random)
    const drops = compile((value: tf.Tensor) => tf.dropout(value, 0.5))
    expect(() => drops(tf.ones([8]))).toThrow(/dropout.*withRandomness/)
  })

  it('leaves usable what it made before it threw: an optimizer’s slots start from zero', () => {
    const [one, other] = [regression(), regression()]
    const [inputs, targets] = [x(), y()]
    const train = ({ loss, w, b }: typeof one, optimizer: tf.Optimizer) =>
      optimizer.minimize(() => loss(inputs, targets), true, [w, b])!
    const [interrupted, plain] = [tf.train.adam(0.1), tf.train.adam(0.1)]
    const step = compile(() => {
      train(one, interrupted)
      throw new Error('mine')
    })
    expect(step).toThrow('mine')
    for (let i = 0; i < 3; i++)
      expect(train(one, interrupted).dataSync()).toEqual(train(other, plain).dataSync())
    expect(one.values()).toEqual(other.values())
  })

  it('may make a variable from its arguments the first time', () => {
    let total: tf.Variable | undefined
    const step = compile((value: tf.Tensor) => {
      total ??= tf.variable(value.mul(10))
      total.assign(total.add(value))
      return total.clone()
    })
    expect([1, 1, 2].map((value) => step(tf.scalar(value)).dataSync()[0])).toEqual([11, 12, 14])
  })

  it('is recorded anew when a variable that it uses was disposed and made again', () => {
    let w = tf.variable(tf.scalar(1))
    const step = compile(() => {
      w.assign(w.mul(2))
      return w.clone()
    })
    expect(step().dataSync()[0]).toBe(2)
    w.dispose()
    expect(() => step()).toThrow('disposed')
    w = tf.variable(tf.scalar(5))
    expect([step(), step()].map((result) => result.dataSync()[0])).toEqual([10, 20])
  })

  it('is a part of the other one where it is called in one', () => {
    const twice = compile((value: tf.Tensor, by: number) => value.mul(by))
    const step = compile((value: tf.Tensor) => twice(value, 2).add(1))
    expect(step(tf.scalar(3)).dataSync()[0]).toBe(7)
    expect(twice.recordings).toBe(0)
  })

  it('may do nothing, and may belong to an object', () => {
    expect(compile(() => 'done')()).toBe('done')
    const scaled = {
      factor: 3,
      by: compile(function (this: { factor: number }, value: tf.Tensor) {
        return value.mul(this.factor)
      }),
    }
    expect(scaled.by(tf.scalar(2)).dataSync()[0]).toBe(6)
  })

  it('gives no values to a tensor that was kept from the recording, and says so', () => {
    let kept: tf.Tensor | undefined
    const step = compile((value: tf.Tensor) => {
      kept = tf.keep(value.mul(2))
      return kept.add(1)
    })
    expect(step(tf.scalar(1)).dataSync()[0]).toBe(3)
    expect(() => kept!.dataSync()).toThrow('return it from the function')
    kept!.dispose()
  })

  it('is refused arguments and options that it makes nothing of', () => {
    const disposed = tf.scalar(1)
    disposed.dispose()
    const step = compile((value: tf.Tensor) => value.mul(2))
    expect(() => step(disposed)).toThrow('a tensor that has been disposed')
    expect(() => step(tf.tensor1d(['a']))).toThrow('a tensor of the type string')
    expect(() => compile(3 as never)).toThrow('a function of tensors')
    expect(() => compile(() => {}, { signature: 3 } as never)).toThrow("the option 'signature'")
    expect(() => compile(() => {}, { otherwise: 'maybe' as never })).toThrow("'throw' or 'run'")
  })
})
