import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  backendStatistics,
  compile,
  randomNormal,
  setBackendOptions,
  Untraceable,
  withRandomness,
} from '../../../src/backend/index.js'
import { copyValues } from '../../../src/backend/tfjs/copy.js'
import { onnxRuntime } from '../../../src/backend/tfjs/register.js'
import { regression, x, y } from './regression.js'

beforeAll(async () => {
  await tf.setBackend('onnxruntime')
  setBackendOptions({ minimumSize: 0, mode: 'lazy' })
})
beforeEach(() => void backendStatistics())
afterEach(() => {
  tf.disposeVariables()
  expect(tf.getBackend()).toBe('onnxruntime')
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

it('a variable that was ended in the making of does not keep others from being recorded', () => {
  const { registeredVariables } = tf.engine() as unknown as {
    registeredVariables: { [name: string]: tf.Variable }
  }
  const half = tf.variable(tf.scalar(1))
  half.dispose()
  registeredVariables['half made'] = half
  const w = tf.variable(tf.scalar(2))
  const twice = compile((x: tf.Tensor) => x.mul(w))
  expect(twice(tf.scalar(3)).dataSync()[0]).toBe(6)
  delete registeredVariables['half made']
})
