import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compile, setBackendOptions } from '../../../src/backend/index.js'
import { createRandom, type Random } from '../../kit/random.js'
import { long } from '../../kit/needs.js'
import { backendName as asWritten, kinds, ulp, writtenIn, type Written } from './written.js'

beforeAll(() => tf.setBackend('onnxruntime'))
afterAll(() => {
  setBackendOptions({ minimumSize: 4000, mode: 'lazy' })
  return tf.setBackend('cpu')
})

type Step = (values: readonly tf.Tensor[]) => tf.Tensor

/** Steps that each make a value of those before, the inputs first. The last is the result. */
interface Program {
  text: string
  steps: readonly Step[]
  /** Nothing but what is rounded once, to the nearest. */
  isExact: boolean
  /** The inputs that go into the result. */
  used: readonly number[]
}

const constants = [
  1, -1, 2, 0.5, -2, 3, 0.1, 4, 128, 1 / 3, 0, 1e-8, 1e-6, 1e6, 0.99999994, 1e20, 1e-20, 1e30, 1e-30, 1e38, 1e-38, 2 ** -140, 2 ** 100, 2 ** -100,
] // oxfmt-ignore

const exactUnary = ['neg', 'square', 'abs', 'sqrt', 'neg'] as const
const roundedUnary = [
  'exp', 'log', 'tanh', 'sigmoid', 'log1p', 'expm1', 'softplus', 'elu', 'rsqrt', 'tanh',
] as const // oxfmt-ignore
const binaries = ['add', 'sub', 'mul', 'div', 'add', 'sub', 'mul', 'maximum', 'minimum'] as const
const powers = [2, 3, 0.5, -1, 1.5]

const shapes: number[][] = [[4, 16], [4, 16], [4, 1], [16], []] // oxfmt-ignore

function createProgram(random: Random): Program {
  const isExact = random.below(2) === 0
  const lines: string[] = []
  const steps: Step[] = []
  const count = 2 + random.below(7)
  const made = shapes.map((shape, at) => ({ shape, used: new Set([at]) }))
  // Mostly what was made last, so that all of it is in the result.
  const place = () => (steps.length > 0 && random.below(3) > 0 ? made.length - 1 : random.below(made.length))
  while (steps.length < count) {
    const a = place()
    const add = (text: string, step: Step, b = a) => {
      const shape = tf.broadcast_util.assertAndGetBroadcastShape(made[a]!.shape, made[b]!.shape)
      lines.push(`v${made.length} = ${text}`)
      steps.push(step)
      made.push({ shape, used: new Set([...made[a]!.used, ...made[b]!.used]) })
    }
    const kind = random.below(isExact ? 8 : 13)
    if (kind < 3) {
      const b = place()
      // tfjs has no gradient of a spread maximum.
      const isSame = String(made[a]!.shape) === String(made[b]!.shape)
      const op = random.pick(isSame ? binaries : binaries.slice(0, 7))
      add(`v${a}.${op}(v${b})`, (values) => values[a]![op](values[b]!), b)
    } else if (kind < 7) {
      const [op, c] = [random.pick(binaries), random.pick(constants)]
      if (random.below(2) === 0) add(`v${a}.${op}(${c})`, (values) => values[a]![op](c))
      else add(`${op}(${c}, v${a})`, (values) => tf.scalar(c)[op](values[a]!))
    } else if (kind < 10) {
      const op = random.pick(kind === 7 ? exactUnary : roundedUnary)
      add(`v${a}.${op}()`, (values) => values[a]![op]())
    } else if (kind === 10) {
      const power = random.pick(powers)
      add(`v${a}.pow(${power})`, (values) => values[a]!.pow(power))
    } else if (kind === 11 && made[a]!.shape.length > 0) {
      const op = random.pick(['sum', 'mean'] as const)
      add(`v${a}.${op}(-1, true)`, (values) => values[a]![op](-1, true))
      made.at(-1)!.shape = [...made[a]!.shape.slice(0, -1), 1]
    } else {
      const [least, most] = [-random.below(3), 10 ** random.below(9)]
      const clip = (x: tf.Tensor) => x.clipByValue(least, most)
      if (random.below(2) === 0) add(`v${a}.clipByValue(${least}, ${most})`, (values) => clip(values[a]!))
      else add(`v${a}.leakyRelu(0.3)`, (values) => values[a]!.leakyRelu(0.3))
    }
  }
  return { text: lines.join('; '), steps, isExact, used: [...made.at(-1)!.used] }
}

/** Numbers of every size, of which most are near 1, and what is special. */
function createInputs(random: Random): { values: Float32Array; shape: number[] }[] {
  const special = [0, -0, 1, -1, Infinity, -Infinity, NaN, 1e-45, 1e38, -1e-40]
  const unit = () => random.below(2 ** 24) / 2 ** 24
  const number = (): number => {
    const kind = random.below(20)
    const sign = random.below(2) === 0 ? 1 : -1
    if (kind === 0) return random.pick(special)
    if (kind < 4) return sign * 10 ** (80 * unit() - 42)
    return kind < 10 ? sign * 4 * unit() : 1 - unit() * 2 ** -random.below(24)
  }
  return shapes.map((shape) => ({
    values: Float32Array.from({ length: tf.util.sizeFromShape(shape) }, number),
    shape,
  }))
}

/** The program's result, and its gradients by the inputs. */
function results({ steps, used }: Program, inputs: readonly tf.Tensor[]): tf.Tensor[] {
  const run = (...given: tf.Tensor[]) => {
    const values = [...inputs]
    for (const [at, place] of used.entries()) values[place] = given[at]!
    for (const step of steps) values.push(step(values))
    return values.at(-1)!
  }
  const { value, grads } = tf.valueAndGrads(run)(used.map((place) => inputs[place]!))
  return [value, ...grads]
}

/** What is wrong with a number; undefined where it may be what the program came to. */
function faultOf(number: number, written: Written, at: number, isExact: boolean): string | undefined {
  const [value, low, high] = [written.value[at]!, written.low[at]!, written.high[at]!]
  if (written.kind[at] === kinds.any) return undefined
  const isZeroOf = (end: number) => low !== 0 || high !== 0 || !isExact || Object.is(number, end)
  const fits =
    written.kind[at] === kinds.nan ? Number.isNaN(number) : low <= number && number <= high && isZeroOf(low)
  if (fits) return undefined
  // Else it must be as near to the value without rounding as what was written may be.
  const most = Math.max(Math.abs(low - value), Math.abs(high - value))
  const bound = (written.kind[at] === kinds.nan || Number.isNaN(most) ? Infinity : most) + 4 * ulp(value)
  const isNear = Math.abs(number - value) <= bound || Object.is(number, Math.fround(value))
  if (isNear && (!isExact || written.ranged[at])) return undefined
  return `${number}, in double precision ${value}, as written ${written.kind[at] === kinds.nan ? NaN : `${low} to ${high}`}`
}

const modes: { [mode: string]: (program: Program, inputs: tf.Tensor[]) => tf.Tensor[] } = {
  eager(program, inputs) {
    setBackendOptions({ minimumSize: 0, mode: 'eager' })
    return results(program, inputs)
  },
  lazy(program, inputs) {
    setBackendOptions({ minimumSize: 0, mode: 'lazy' })
    return results(program, inputs)
  },
  compiled(program, inputs) {
    setBackendOptions({ minimumSize: 4000, mode: 'lazy' })
    const compiled = compile((...given: tf.Tensor[]) => results(program, given))
    const made = compiled(...inputs)
    compiled.dispose()
    return made
  },
}

/** What is wrong with a program's results in any mode. */
async function findFaults(program: Program, given: ReturnType<typeof createInputs>): Promise<string[]> {
  const faults: string[] = []
  const load = () => given.map(({ values, shape }) => tf.tensor(values, shape))
  await tf.setBackend(asWritten)
  let expected: Written[] = []
  tf.tidy(() => {
    expected = results(program, load()).map(writtenIn)
  })
  await tf.setBackend('onnxruntime')
  for (const [mode, work] of Object.entries(modes))
    tf.tidy(() => {
      for (const [which, tensor] of work(program, load()).entries()) {
        // Of 0 and -0 the greater may be either.
        const isExact = program.isExact && which === 0 && !/imum/.test(program.text)
        for (const [place, number] of tensor.dataSync().entries()) {
          const fault = faultOf(number, expected[which]!, place, isExact)
          if (!fault) continue
          const what = which === 0 ? 'value' : `gradient by v${program.used[which - 1]}`
          faults.push(`${mode}, ${what}[${place}]: ${fault}\n   ${program.text}`)
          break
        }
      }
    })
  return faults
}

describe('programs of random operations', () => {
  const count = long ? 5_000 : 250

  it(
    `are what they are written to be in float32, eager, lazy and compiled, their gradients too (${count})`,
    { timeout: 3_600_000 },
    async () => {
      const random = createRandom(7)
      const faults: string[] = []
      for (let at = 0; at < count && faults.length < 20; at++) {
        const given = createInputs(random)
        const program = createProgram(random)
        for (const fault of await findFaults(program, given)) faults.push(`program ${at}, ${fault}`)
      }
      expect(faults).toEqual([])
    },
  )
})

describe('what people write', () => {
  const [c, k] = [Math.sqrt(2 / Math.PI), 0.044715]
  const forms: { [text: string]: Step } = {
    'log(1 - p + 1e-8)': ([x]) => tf.sub(1, x!).add(1e-8).log(),
    'log(1 - sigmoid(x) + 1e-8)': ([x]) => tf.sub(1, x!.sigmoid()).add(1e-8).log(),
    'log(1 - tanh(x)^2 + 1e-6)': ([x]) => tf.sub(1, x!.tanh().square()).add(1e-6).log(),
    'log(1 - exp(-x) + 1e-8)': ([x]) => tf.sub(1, x!.neg().exp()).add(1e-8).log(),
    '-log(sigmoid(x))': ([x]) => x!.sigmoid().log().neg(),
    'x 1e-8 x': ([x]) => x!.mul(1e-8).mul(x!),
    '(x - y) 1e6 + y': ([x, y]) => x!.sub(y!).mul(1e6).add(y!),
    '2 x / (1 + x^2)': ([x]) => x!.mul(2).div(x!.square().add(1)),
    swish: ([x]) => x!.mul(x!.sigmoid()),
    mish: ([x]) => x!.mul(x!.softplus().tanh()),
    'pseudo-Huber': ([x, y]) => x!.sub(y!).square().add(1).sqrt().sub(1),
    'squares of differences': ([x, y]) => x!.sub(y!).square().mul(0.5),
    'normal density': ([x, y]) => x!.sub(y!).square().mul(-0.5).exp().mul(0.3989422804),
    'GELU in products': ([x]) => {
      const inner = x!.add(x!.mul(x!).mul(x!).mul(k)).mul(c)
      return x!.mul(0.5).mul(inner.tanh().add(1))
    },
    "GELU as tfjs's layers write it": ([x]) =>
      tf.mul(0.5, tf.mul(x!, tf.add(1, tf.tanh(tf.mul(c, tf.add(x!, tf.mul(k, x!.pow(3)))))))),
    'GELU of a sum, with what follows': ([x, y]) => {
      const z = x!.add(y!)
      const inner = z.mul(c).mul(z.square().mul(k).add(1))
      return z.mul(inner.tanh().add(1)).mul(0.5).mul(y!)
    },
  }
  const random = createRandom(3)
  const inputs = createInputs(random)
  // Finely where functions bend, and every size.
  const sizes = Array.from({ length: 64 }, (_, at) => (at % 2 ? 1 : -1) * 10 ** (at / 3 - 10))
  const near = Array.from({ length: 64 }, (_, at) => (at - 32) / 3)
  for (const [text, step] of Object.entries(forms))
    it(text, async () => {
      const used = String(step).includes('[x, y]') ? [0, 1] : [0]
      const program: Program = { text, steps: [step], isExact: false, used }
      for (const values of [sizes, near, inputs[0]!.values]) {
        const given = [{ values: Float32Array.from(values), shape: [4, 16] }, ...inputs.slice(1)]
        expect(await findFaults(program, given)).toEqual([])
      }
    })
})

describe('products of matrices and convolutions', () => {
  const cases: { [text: string]: (x: tf.Tensor) => tf.Tensor } = {
    'a side that is scaled first': (x) => tf.matMul(x.mul(1e-30), tf.fill([8, 4], 1e20)).mul(0.125),
    'a transposed side that is scaled first': (x) =>
      tf.matMul(tf.fill([4, 8], 1e20), x.mul(1e-30), false, true).mul(0.125),
    'a result that is scaled': (x) => tf.matMul(x.mul(1e-30), tf.fill([8, 4], 1e-20)).mul(1e30),
    'a convolution that is scaled': (x) => {
      const image = x.mul(1e-30).reshape([1, 8, 8, 1]) as tf.Tensor4D
      return tf.depthwiseConv2d(image, tf.fill([1, 1, 1, 2], 1e20), 1, 'valid').mul(1e25)
    },
  }
  const expected = [1e10, 1e10, 8, 1e35]
  for (const [at, [text, of]] of Object.entries(cases).entries())
    it(`${text} is finite where it is as written`, () => {
      setBackendOptions({ minimumSize: 0, mode: 'lazy' })
      const x = tf.fill([8, 8], 1e20)
      const compiled = compile(of)
      for (const result of [of(x), compiled(x)])
        for (const number of result.dataSync())
          expect(Math.abs(number / expected[at]! - 1)).toBeLessThan(1e-5)
      compiled.dispose()
    })
})

describe('zeros', () => {
  it('keep or lose their sign as in the standard', () => {
    const x = tf.fill([5000], -0)
    const all = compile((x: tf.Tensor) => [x.add(0), x.sub(0), x.mul(1), x.div(1), x.mul(-1), tf.sub(0, x)])
    const zeros = all(x).map((zero) => zero.dataSync()[0])
    expect(zeros).toEqual([0, -0, -0, -0, 0, 0])
    all.dispose()
  })
})

describe('a product with step(x)', () => {
  it('is a product where it is no gradient of relu, of what is not finite too', () => {
    const x = tf.tensor1d([-Infinity, Infinity, NaN, -1, 2])
    const compiled = compile((x: tf.Tensor) => [x.mul(x.step()), tf.grad((x) => x.relu())(x)])
    const [product, slope] = compiled(x).map((tensor) => [...tensor.dataSync()].map((number) => number + 0))
    expect(product).toEqual([NaN, Infinity, NaN, 0, 2])
    expect(slope!.toSpliced(2, 1)).toEqual([0, 1, 0, 1])
    compiled.dispose()
  })
})
