import { spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { adam, loadRun, train } from '../../../src/index.js'
import { long } from '../../kit/needs.js'
import { kinds } from './fixtures/kinds.mjs'
import { silence } from '../../kit/training.js'
import { temporaryFolder } from '../../kit/files.js'

const script = fileURLToPath(new URL('fixtures/take.mjs', import.meta.url))
const children: ChildProcess[] = []
let shown: any[]
beforeEach(async () => {
  ;({ shown } = silence())
  await tf.setBackend('cpu')
  process.chdir(temporaryFolder())
  process.env.GRADBOOK_RUNS = ''
})
afterEach(async () => {
  for (const child of children.splice(0)) await kill(child)
})

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null)
    await new Promise((resolve) => child.once('exit', resolve))
}

const resume = () => {
  const { model, ...rest } = kinds.mlp()
  return train(model, {
    ...rest,
    batchSize: 7,
    seed: 3,
    loss: 'sparseCategoricalCrossentropy',
    optimizer: adam({ learningRate: 0.02 }),
    name: 'raced',
    resume: true,
  })
}

/** A process that takes the run up once it is told when; what it says when it has trained. */
function take(iterations: number, ...then: string[]) {
  const child = spawn(process.execPath, [script, String(iterations), ...then])
  children.push(child)
  let text = ''
  let errors = ''
  const until = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => pattern.test(text) && resolve(pattern.exec(text)![0])
      child.stdout.on('data', look)
      child.once('exit', () => reject(new Error(`ended: ${text}${errors}`)))
      look()
    })
  child.stdout.on('data', (piece) => (text += piece))
  child.stderr.on('data', (piece) => (errors += piece))
  return {
    child,
    ready: until(/ready\n/),
    async at(time: number): Promise<{ name: string; iteration: number }> {
      await this.ready
      child.stdin.write(`${time}\n`)
      return JSON.parse(await until(/\{.*\}\n/))
    },
  }
}

describe('a run and more than one process', () => {
  test(`of processes that take it up at the same moment one writes into it, ${long ? 16 : 3} of ${long ? 16 : 3} times`, async () => {
    for (let round = 0; round < (long ? 16 : 3); round++) {
      process.chdir(temporaryFolder())
      const { model, ...rest } = kinds.mlp()
      const begun = train(model, {
        ...rest,
        name: 'raced',
        save: false,
        loss: 'sparseCategoricalCrossentropy',
        optimizer: adam({ learningRate: 0.02 }),
      })
      await begun.save('runs/raced')
      const two = [take(4, 'stay'), take(9, 'stay')]
      await Promise.all(two.map(({ ready }) => ready))
      const time = Date.now() + 100
      const both = await Promise.all(two.map((one) => one.at(time)))
      expect(both.map(({ name }) => name).toSorted()).toEqual(['raced', 'raced-2'])
      const [first] = both.filter(({ name }) => name === 'raced')
      const events = readFileSync('runs/raced/events.jsonl', 'utf8').trim().split('\n')
      const iterations = events.map((line) => JSON.parse(line)).filter(({ type }) => type === 'iteration')
      expect(iterations.map(({ iteration }) => iteration)).toEqual(
        Array.from({ length: first!.iteration }, (_, i) => i + 1),
      )
      for (const child of children.splice(0)) await kill(child)
    }
  }, 300_000)

  test('killed, it is free at once; an unfinished file and a line that was cut off are gone', async () => {
    const one = take(5, 'stay')
    expect(await one.at(0)).toEqual({ name: 'raced', iteration: 5 })
    await kill(one.child)
    expect(readdirSync('runs/raced').filter((name) => name.startsWith('lock'))).toEqual(['lock-1.json'])
    for (const name of ['run.json.123.tmp', 'snapshots/00000007.safetensors.99-0a1b.tmp'])
      writeFileSync(join('runs/raced', name), 'half')
    writeFileSync('runs/raced/thesis.txt.123.tmp', 'mine')
    appendFileSync('runs/raced/events.jsonl', '{"type":"iteration","itera')
    const run = resume()
    expect([run.name, run.iteration]).toEqual(['raced', 5])
    await run.iterate(2)
    await run.save()
    const left = readdirSync('runs/raced', { recursive: true }).map(String)
    expect(left.filter((name) => name.endsWith('.tmp'))).toEqual(['thesis.txt.123.tmp'])
    const lines = readFileSync('runs/raced/events.jsonl', 'utf8').trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).type).filter((type) => type === 'iteration')).toHaveLength(7)
  })

  test('held elsewhere it is refused with what to do, until its holder has been silent for long', async () => {
    const one = take(5, 'stay')
    await one.at(0)
    await kill(one.child)
    const lock = 'runs/raced/lock-1.json'
    const holder = JSON.parse(readFileSync(lock, 'utf8'))
    writeFileSync(lock, JSON.stringify({ ...holder, machine: 'other', host: 'far' }))
    expect(() => resume()).toThrow(
      /held by process \d+ on far.*cannot be seen from here.*remove runs.raced.lock-1\.json/,
    )
    // To look at it is no harm: that goes on in a folder of its own.
    const { model, ...rest } = kinds.mlp()
    const other = await loadRun('raced', { model, ...rest })
    expect([other.name, other.iteration]).toEqual(['raced-2', 5])
    utimesSync(lock, 1, 1)
    expect(resume().name).toBe('raced')
  })

  test('one that lost its folder says so, goes on in memory, and does not write there', async () => {
    const run = resume()
    await run.iterate(3)
    await run.save()
    const lock = 'runs/raced/lock-1.json'
    const holder = JSON.parse(readFileSync(lock, 'utf8'))
    writeFileSync('runs/raced/lock-2.json', JSON.stringify({ ...holder, token: 'x', machine: 'other' }))
    const before = readFileSync('runs/raced/events.jsonl', 'utf8')
    await new Promise((resolve) => setTimeout(resolve, 300))
    await run.iterate(3)
    await run.iterate(3)
    expect(readFileSync('runs/raced/events.jsonl', 'utf8')).toBe(before)
    const said = shown.filter((value) => /not its own any more.*in memory/.test(value['text/plain']))
    expect(said).toHaveLength(1)
    await run.save('elsewhere')
    const { model, ...rest } = kinds.mlp()
    expect((await loadRun('elsewhere', { model, ...rest })).iteration).toBe(9)
  })
})
