import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { plain, result, startKernel, stream, temporaryFolder, useKernel } from '../../kit/index.js'

const folder = temporaryFolder()
writeFileSync(
  join(folder, 'deep.ts'),
  'interface A { n: number }\n\nexport const deep = (a: A): A => {\n  throw new RangeError("deep")\n}\n',
)
const kernel = useKernel({ folder })
const resultOf = async (cell: string) => result((await kernel.run(cell)).outputs)
const printed = async (cell: string, name: 'stdout' | 'stderr' = 'stdout') =>
  plain(stream((await kernel.run(cell)).outputs, name))

describe('the stack of an error', () => {
  test('that a cell prints names cells with their lines, and nothing of the kernel', async () => {
    const cell =
      'function f(): never {\n  throw new Error("no")\n}\ntry { f() } catch (error) { console.error(error) }'
    const { outputs, reply } = await kernel.run(cell)
    const number: number = reply.execution_count
    expect(plain(stream(outputs, 'stderr'))).toBe(
      `Error: no\n    at f (Cell [${number}]:2:9)\n    at Cell [${number}]:4:7\n`,
    )
  })
  test('has the lines of an imported file, also through a promise', async () => {
    const cell =
      'import { deep } from "./deep"\nconst go = async () => { await null; deep({ n: 1 }) }\ntry { await go() } catch (error) { console.log((error as Error).stack) }'
    const text = await printed(cell)
    expect(text).toContain(`at deep (${join(folder, 'deep.ts')}:4:9)`)
    expect(text).toMatch(/at go \(Cell \[\d+\]:2:38\)\n {4}at async Cell \[\d+\]:3:7\n$/)
  })
  test('keeps its code frame when the error is not caught, and what the user added to it', async () => {
    const { outputs } = await kernel.run('const e = new Error("late")\ne.stack = `More: ${e.stack}`\nthrow e')
    expect(outputs).toMatchObject([{ output_type: 'error', ename: 'Error', evalue: 'late' }])
    const [failed] = outputs
    const text = plain('traceback' in failed! ? failed.traceback.join('\n') : '')
    expect(text).toContain('> 1 | const e = new Error("late")')
  })
  test('is understood where another error was given it', async () => {
    const cell =
      'const a = new Error("a")\nconst b = { name: "Wrapped", message: "b", stack: a.stack }\nthrow b'
    const { outputs } = await kernel.run(cell)
    const [failed] = outputs
    expect(plain('traceback' in failed! ? failed.traceback.join('\n') : '')).toContain(
      '> 1 | const a = new Error("a")',
    )
  })
  test('is that of the cell for an error as a value, inside of others, and for console.trace', async () => {
    expect(await resultOf('new Error("shown")')).toMatch(/^Error: shown\n {4}at Cell \[\d+\]:1:1$/)
    expect(await resultOf('[new Error("shown")]')).toMatch(/Error: shown\n {6}at Cell \[\d+\]:1:2\n\]$/)
    expect(await printed('console.trace("here")', 'stderr')).toMatch(
      /^Trace: here\n {4}at Cell \[\d+\]:1:9\n$/,
    )
  })
  test("of Node's own errors has their code", async () =>
    expect(
      await printed(
        'import fs from "node:fs"\ntry { fs.readFileSync({} as any) } catch (error) { console.error(error) }',
        'stderr',
      ),
    ).toMatch(/^TypeError \[ERR_INVALID_ARG_TYPE\]: The "path" argument/))
  test("of the user's has none", async () =>
    expect(
      await printed(
        'class E extends Error { code = "ERR_MINE" }; console.log(new E("m").stack!.split("\\n")[0])',
      ),
    ).toBe('Error: m\n'))
})

describe('values', () => {
  test('promises and timers show nothing of what follows a cell through them', async () => {
    expect(await resultOf('Promise.resolve(3)')).toBe('Promise { 3 }')
    expect(await resultOf('[new Promise(() => {})]')).toBe('[ Promise { <pending> } ]')
    expect(await printed('console.log(Promise.resolve({ a: 1 }))')).toBe('Promise { { a: 1 } }\n')
    expect(await resultOf('clearTimeout(setTimeout(() => {}, 1)); setTimeout(() => {}, 1)')).not.toContain(
      'Store',
    )
  })
  test('an array of holes', async () => expect(await resultOf('new Array(3)')).toBe('[ <3 empty items> ]'))
  test('a file that was imported whole', async () =>
    expect(await resultOf('import * as file from "./deep"\nfile')).toBe(
      '[Module: null prototype] { deep: [Function: deep] }',
    ))
  test('that draw themselves in time', async () => {
    const own = '{ [Symbol.for("Jupyter.display")]: async () => ({ "text/html": "<b>late</b>" }) }'
    const { outputs } = await kernel.run(`display(${own}); await null; (${own})`)
    expect(outputs).toMatchObject([
      { output_type: 'display_data', data: { 'text/html': '<b>late</b>' } },
      { output_type: 'execute_result', data: { 'text/html': '<b>late</b>' } },
    ])
  })
  for (const [name, drawn] of Object.entries({
    'by a promise': 'Promise.resolve({ "text/html": "<b>late</b>" })',
    'by a thenable':
      '({ then(done: (bundle: object) => void) { setTimeout(done, 5, { "text/html": "<b>late</b>" }) } })',
    'by a promise of a promise':
      'new Promise((done) => setTimeout(() => done(Promise.resolve({ "text/html": "<b>late</b>" })), 5))',
  }))
    test(`that draw themselves in time ${name}, without being async`, async () => {
      const own = `{ [Symbol.for("Jupyter.display")]() { return ${drawn} } }`
      const { outputs, reply } = await kernel.run(`display(${own}); await null; (${own})`, {
        user_expressions: { own: `(${own})` },
      })
      expect(outputs.map((output: any) => output.data)).toEqual([
        { 'text/html': '<b>late</b>' },
        { 'text/html': '<b>late</b>' },
      ])
      expect(reply.user_expressions.own.data).toEqual({ 'text/html': '<b>late</b>' })
    })
})

describe('tensors, layers and models', () => {
  test('printed on their own are what they are as the value of a cell', async () => {
    await kernel.run(
      'import * as tf from "@tensorflow/tfjs"\nconst t = tf.tensor([[1, 2], [3, 4]]); const model = tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3], name: "out" })] })',
    )
    expect(await printed('console.log(t)')).toBe(`${await resultOf('t')}\n`)
    expect(await printed('console.log(model)')).toBe(`${await resultOf('model')}\n`)
  })
  test('inside of other values are a line', async () => {
    expect(await resultOf('({ t, all: [t.sum()] })')).toBe(
      '{ t: Tensor float32 [2, 2]: 1, 2, 3, 4, all: [ Tensor float32 scalar: 10 ] }',
    )
    expect(await resultOf('model.layers')).toBe('[ Dense out [2], 8 parameters ]')
    expect(await resultOf('[tf.layers.dense({ units: 2, name: "new" })]')).toBe(
      '[ Dense new, not built yet ]',
    )
  })
  test('of a cell that imports gradbook alone', async () => {
    await using other = await startKernel({ folder })
    const { outputs } = await other.run(
      `import { randomUniform, withRandomness } from 'gradbook/backend'
[withRandomness({ seed: 1, iteration: 0 }, () => randomUniform([2]))]`,
    )
    expect(result(outputs)).toMatch(/^\[ Tensor float32 \[2\]: 0\.\d+, 0\.\d+ \]$/)
  })
  test('in a step that is being recorded have no values, and do not stop it from being recorded', async () => {
    const text = await printed(
      `import { train, sgd } from 'gradbook'
const w = tf.variable(tf.scalar(1))
const run = train(
  { parameters: { w }, loss: (batch: any) => { console.log([batch.x]); return batch.x.mul(w).mean() as tf.Scalar } },
  { data: { x: new Float32Array(8).fill(1), y: new Float32Array(8) }, batchSize: 4, optimizer: sgd({ learningRate: 0.1 }) },
)
await run.iterate(3)`,
    )
    expect(text).toContain('Tensor float32 [4] (no values while the step is recorded)')
  })
})
