import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { long, plain, result, startKernel, type TestKernel, temporaryFolder } from '../../kit/index.js'
import { createRandom } from '../../kit/random.js'

const folder = temporaryFolder()
writeFileSync(join(folder, 'large.txt'), 'line\n'.repeat(200_000))
for (const [name, text] of Object.entries({
  // Files that loop while they load, in all the ways that a file is loaded.
  'loops.ts': 'export const a = 1\nwhile (true) {}',
  'loops.js': 'export const a = 1\nwhile (true) {}',
  'loops.mjs': 'export const a = 1\nwhile (true) {}',
  'loops.cjs': 'exports.a = 1\nwhile (true) {}',
  'waits.ts': 'export const a = 1\nawait new Promise(() => {})',
  'imports.ts': `export * from './loops.ts'`,
}))
  writeFileSync(join(folder, name), text)
const packaged = join(folder, 'node_modules', 'spinner')
mkdirSync(packaged, { recursive: true })
writeFileSync(
  join(packaged, 'package.json'),
  '{ "name": "spinner", "version": "1.0.0", "type": "module", "exports": "./index.js" }',
)
// A package is not compiled as cells are: nothing in it looks whether its cell was stopped.
writeFileSync(
  join(packaged, 'index.js'),
  `export async function awaits() { for (;;) await 0 }
export async function* items() { for (let i = 0; ; i++) yield i }
export async function iterates() { for await (const item of items()); }
export function thens() { return Promise.resolve().then(thens) }
export function microtasks() { queueMicrotask(microtasks) }
export function ticks() { process.nextTick(ticks) }
export function* numbers() { for (let i = 0; ; i++) yield i }
export async function later() { await 0; for (;;); }
`,
)

/** What a cell can be doing when Stop is pressed. */
const doing: { [name: string]: string } = {
  'a loop': 'while (true) {}',
  'a loop that works': 'let sum = 0; for (let i = 0; ; i++) sum += Math.sqrt(i)',
  'a loop that catches':
    'for (;;) { try { while (true) {} } catch {} finally { globalThis.unwound = true } }',
  'a loop of objects': 'for (;;) ({ a: [1, 2, { b: "c" }] })',
  'a recursion that overflows':
    'function deep(): number { return deep() + 1 }\nfor (;;) try { deep() } catch {}',
  errors: 'for (;;) try { JSON.parse("{") } catch (error) { String((error as Error).stack) }',
  'a getter': '({ get a(): number { for (;;); } }).a',
  'a proxy': 'new Proxy({} as any, { get() { for (;;); } }).a',
  'a generator': 'function* all() { for (let i = 0; ; i++) yield i }\nfor (const _ of all());',
  'a generator of a package': 'for (const _ of spinner.numbers());',
  'a comparison': '[3, 2, 1].sort(() => { for (;;); })',
  'a text': '`${{ toString() { for (;;); } }}`',
  'a regular expression': '/(a+)+$/.test("a".repeat(60) + "!")',
  JSON: 'const big = Array.from({ length: 2_000 }, (_, i) => ({ i, text: String(i) })); for (;;) JSON.parse(JSON.stringify(big))',
  clones: 'const big = Array.from({ length: 10 }, (_, i) => ({ i })); for (;;) structuredClone(big)',
  sorting: 'for (;;) new Float64Array(1_000_000).map(() => Math.random()).sort()',
  'a program of a program': '(0, eval)("for (;;);")',
  'another context': 'const vm = await import("node:vm"); vm.runInNewContext("for (;;);")',
  'an event':
    'const { EventEmitter } = await import("node:events"); const e = new EventEmitter(); e.on("x", () => { for (;;); }); e.emit("x")',
  'a loop after an await': 'await 0; while (true) {}',
  'a loop after a pause': 'await new Promise((done) => setTimeout(done, 5)); while (true) {}',
  'a loop of a package after an await': 'await spinner.later()',
  nothing: 'await new Promise(() => {})',
  awaits: 'for (;;) await 0',
  'awaits of work': 'async function work() { await 0; return 1 }\nfor (;;) await work()',
  'awaits of a package': 'await spinner.awaits()',
  'an asynchronous generator':
    'async function* all() { for (let i = 0; ; i++) yield i }\nfor await (const _ of all());',
  'an asynchronous generator of a package': 'for await (const _ of spinner.items());',
  'an asynchronous loop of a package': 'await spinner.iterates()',
  promises: 'function again(): Promise<void> { return Promise.resolve().then(again) }\nawait again()',
  'promises of a package': 'await spinner.thens()',
  'promises in all': 'for (;;) await Promise.all([1, Promise.resolve(2), (async () => 3)()])',
  thenables: 'const again: any = { then(done: (value: unknown) => void) { done(again) } }; await again',
  microtasks: 'queueMicrotask(function again() { queueMicrotask(again) }); await new Promise(() => {})',
  'microtasks of a package': 'spinner.microtasks(); await new Promise(() => {})',
  'a loop in a microtask': 'queueMicrotask(() => { for (;;); }); await new Promise(() => {})',
  'a loop in a then': 'await Promise.resolve().then(() => { for (;;); })',
  ticks: 'process.nextTick(function again() { process.nextTick(again) }); await new Promise(() => {})',
  'ticks of a package': 'spinner.ticks(); await new Promise(() => {})',
  'ticks and microtasks':
    'process.nextTick(function again() { Promise.resolve().then(() => process.nextTick(again)) }); await new Promise(() => {})',
  'a loop in a tick': 'process.nextTick(() => { for (;;); }); await new Promise(() => {})',
  immediates: 'setImmediate(function again() { setImmediate(again) }); await new Promise(() => {})',
  'a loop in an immediate':
    'setImmediate(() => {}); setImmediate(() => { for (;;); }); setImmediate(() => {}); await new Promise(() => {})',
  'a loop in a timer':
    'setTimeout(() => { while (true) {} }, 2); setTimeout(() => {}, 2); await new Promise(() => {})',
  timers: 'for (;;) await new Promise((done) => setTimeout(done, 1))',
  intervals:
    'for (let i = 0; i < 20; i++) setInterval(() => { for (let j = 0; j < 100_000; j++); }, 1); await new Promise(() => {})',
  'timers/promises':
    'const { setTimeout: pause } = await import("node:timers/promises"); for (;;) await pause(1)',
  'an interval that is iterated':
    'const { setInterval: every } = await import("node:timers/promises"); for await (const _ of every(1));',
  messages:
    'const { port1, port2 } = new MessageChannel(); port1.onmessage = () => port1.postMessage(0); port2.onmessage = () => port2.postMessage(0); port1.postMessage(0); port2.postMessage(0); await new Promise(() => {})',
  'a worker that loops':
    'const { Worker } = await import("node:worker_threads"); const w = new Worker("for (;;);", { eval: true }); setTimeout(() => void w.terminate(), 2_000); await new Promise(() => {})',
  'waiting for a worker':
    'const { Worker } = await import("node:worker_threads"); const w = new Worker("setTimeout(() => {}, 1000)", { eval: true }); await new Promise((done) => w.on("exit", done)); await new Promise(() => {})',
  'waiting in shared memory': 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
  'a child that blocks': '(await import("node:child_process")).execSync("sleep 30; true")',
  'a child beside':
    'const { spawn } = await import("node:child_process"); const c = spawn("sleep", ["2"]); await new Promise((done) => c.on("exit", done)); await new Promise(() => {})',
  'many children':
    'const { execFileSync } = await import("node:child_process"); for (;;) execFileSync("true")',
  'reading files':
    'const { readFileSync } = await import("node:fs"); for (;;) readFileSync("large.txt", "utf8")',
  'reading files beside':
    'const { readFile } = await import("node:fs/promises"); for (;;) await readFile("large.txt")',
  'reading streams':
    'const { createReadStream } = await import("node:fs"); for (;;) for await (const _ of createReadStream("large.txt"));',
  'reading lines':
    'const { createReadStream } = await import("node:fs"); const { createInterface } = await import("node:readline"); for (;;) for await (const _ of createInterface({ input: createReadStream("large.txt") }));',
  'a pipeline':
    'const { Readable, Writable } = await import("node:stream"); const { pipeline } = await import("node:stream/promises"); await pipeline(Readable.from((async function* () { for (;;) yield "x" })()), new Writable({ write(_c, _e, done) { done() } }))',
  'an HTTP server':
    'const http = await import("node:http"); const s = http.createServer((_, answer) => answer.end("x")).listen(0, "127.0.0.1"); await new Promise((done) => s.on("listening", done)); const at = `http://127.0.0.1:${(s.address() as any).port}`; setTimeout(() => { s.close(); s.closeAllConnections() }, 1_500); for (;;) await (await fetch(at)).text()',
  hashes:
    'const { pbkdf2Sync } = await import("node:crypto"); for (;;) pbkdf2Sync("a", "b", 20_000, 64, "sha512")',
  'hashes beside':
    'const { pbkdf2 } = await import("node:crypto"); const { promisify } = await import("node:util"); for (;;) await promisify(pbkdf2)("a", "b", 20_000, 64, "sha512")',
  compression:
    'const { gzipSync, gunzipSync } = await import("node:zlib"); const bytes = Buffer.alloc(1_000_000, "abc"); for (;;) gunzipSync(gzipSync(bytes))',
  printing: 'for (let i = 0; ; i++) console.log(i, { a: [i] })',
  writing: 'for (;;) process.stdout.write("x".repeat(10_000))',
  displaying: 'for (let i = 0; ; i++) { display({ i }); await new Promise((done) => setTimeout(done, 2)) }',
  'a local file in TypeScript': 'await import("./loops.ts")',
  'a local file in JavaScript': 'await import("./loops.js")',
  'a local ES module': 'await import("./loops.mjs")',
  'a local CommonJS module': 'await import("./loops.cjs")',
  'a local file that is required': 'require("./loops.cjs")',
  'a local TypeScript file that is required': 'require("./loops.ts")',
  'a local file that waits': 'await import("./waits.ts")',
  'what a local file imports': 'await import("./imports.ts")',
  WebAssembly:
    'const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 9, 1, 7, 0, 3, 64, 12, 0, 11, 11]); ((await WebAssembly.instantiate(bytes)).instance.exports.f as any)()',
  'a question': 'await host.ask("?")',
  'a question that holds the thread': 'prompt("?"); for (;;);',
  training: 'await (globalThis as any).run.iterate(1_000_000)',
  'a training step of tfjs':
    'for (;;) tf.tidy(() => tf.grad((x) => x.matMul(x).sum())(tf.randomNormal([50, 50]) as any).dataSync())',
  'a recording that loops':
    'const { compile } = await import("gradbook/backend"); compile((x: any) => { for (;;); return x })(tf.scalar(1))',
}

const prepare = `
import * as spinner from 'spinner'
import * as tf from '@tensorflow/tfjs'
import { adam, fromArrays, train } from 'gradbook'
globalThis.run = train(tf.sequential({ layers: [tf.layers.dense({ units: 8, inputShape: [4], activation: 'relu' }), tf.layers.dense({ units: 1 })] }), { data: fromArrays({ x: Array.from({ length: 64 }, (_, i) => [i, 1, 2, 3].map(Math.sin)), y: Array.from({ length: 64 }, (_, i) => [Math.cos(i)]) }), loss: 'meanSquaredError', optimizer: adam({ learningRate: 1e-3 }), progress: false} as any)
await (globalThis as any).run.iterate(2)
`

async function start(): Promise<TestKernel> {
  const kernel = await startKernel({ folder })
  const { status, reply } = await kernel.run(`// @ts-nocheck\n${prepare}`)
  if (status !== 'ok') throw new Error(plain(reply.traceback.join('\n')))
  return kernel
}

/** Starts a cell, presses Stop after so many milliseconds, and says what did not come as it must. */
async function stopOne(kernel: TestKernel, code: string, after: number): Promise<string | undefined> {
  const { status, reply, messages } = await kernel.stop(`// @ts-nocheck\n{ ${code} }`, {
    after,
    answer: () => new Promise<string>(() => {}),
  })
  if (status !== 'error' || reply.ename !== 'Interrupted') return `${status} ${reply.ename}: ${reply.evalue}`
  const late = messages.findLast(({ header }) => header.msg_type === 'status')
  if (late?.content.execution_state !== 'idle') return 'no idle'
  const next = await kernel.run('6 * 7')
  if (result(next.outputs) !== '42')
    return `the next cell: ${next.status} ${next.reply.ename}: ${next.reply.evalue}`
  return undefined
}

const count = Number(process.env.GRADBOOK_STOPS) || (long ? 1_000 : 60)
const only = process.env.GRADBOOK_STOPS_ONLY

test(
  `${count} Stops in whatever a cell can be doing end the cell and nothing else`,
  { timeout: count * 30_000 },
  async () => {
    const seed = Number(process.env.GRADBOOK_SEED ?? 18)
    const random = createRandom(seed)
    let kernel = await start()
    const wrong: string[] = []
    // Every kind once before any comes twice.
    const names: string[] = []
    for (let number = 0; number < count; number++) {
      if (names.length === 0)
        names.push(...Object.keys(doing).filter((name) => !only || new RegExp(only).test(name)))
      const [name] = names.splice(random.below(names.length), 1) as [string]
      const after = random.below(120)
      const went = await stopOne(kernel, doing[name]!, after).catch((error: Error) => error.message)
      if (went === undefined) continue
      const exit = kernel.exit
        ? ` (the kernel ended: ${JSON.stringify(kernel.exit)} ${kernel.said.slice(-1500)})`
        : ''
      wrong.push(`${number}: Stop ${after} ms into ${name}: ${went}${exit}`)
      console.log(wrong.at(-1))
      kernel.kill()
      kernel = await start()
    }
    await kernel.shutdown()
    expect(wrong, `with GRADBOOK_SEED=${seed}`).toEqual([])
  },
)
