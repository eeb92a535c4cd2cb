import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { stream, useKernel } from '../../kit/index.js'

const kernel = useKernel()

const printed = async (code: string) => stream((await kernel.run(`// @ts-nocheck\n${code}`)).outputs)

test('node:test reports under the cell that runs the tests, each time', async () => {
  expect(
    await printed(`import test, { describe, it } from 'node:test'; import assert from 'node:assert'`),
  ).toBe('')
  const reports = [
    await printed(`await test('adds', () => { assert.equal(1 + 1, 2) })`),
    await printed(`await test('fails', () => { assert.equal(1 + 1, 3) })`),
    await printed(
      `await describe('suite', () => { it('one', () => console.log('within')); it('two', async () => { await 0 }) })`,
    ),
    await printed(`test('not awaited', () => {}); undefined`),
    await printed(
      `await test('takes a while', async (t) => { await t.test('child', () => new Promise((done) => setTimeout(done, 50))) })`,
    ),
    await printed(`await test('adds again', () => { assert.equal(1 + 1, 2) })`),
  ]
  const names = ['adds', 'fails', 'suite', 'not awaited', 'takes a while', 'adds again']
  names.forEach((name, index) => {
    expect(reports[index]).toMatch(new RegExp(`(ok \\d+ - |[✔✖▶] )${name}`))
    for (const other of names.filter((one) => !name.startsWith(one) && !one.startsWith(name)))
      expect(reports[index]).not.toContain(other)
  })
  // The reporter of Node 24 tells what went wrong at the end of all.
  if (reports[1]!.includes('not ok')) expect(reports[1]).toContain('2 == 3')
  expect(reports[2]).toContain('within')
  expect(await printed('1')).toBe('')
})

test('a test ends with its cell when that is stopped, and the next one runs', async () => {
  const begun = kernel.wait(({ content }) => content.text === 'begun\n')
  const running = kernel.run(
    `// @ts-nocheck\nawait test('stopped', () => { console.log('begun'); return new Promise(() => {}) })`,
  )
  await begun
  await kernel.interrupt()
  expect((await running).reply.ename).toBe('Interrupted')
  await sleep(100)
  for (const cell of [
    `await test('after', () => {})`,
    `await require('node:test').test('after', { timeout: 5_000 }, () => {})`,
    `await it('after', { concurrency: 1 }, () => {})`,
  ])
    expect(await printed(cell)).toMatch(/(ok \d+ - |✔ )after/)
  expect(await printed(`await test.skip('left out', () => {})`)).toMatch(/left out.*SKIP/)
})

test('what another cell prints meanwhile stays its own', async () => {
  await kernel.run(`globalThis.timer = setInterval(() => console.log('of the timer'), 5)`)
  expect(
    await printed(`await test('beside', () => new Promise((done) => setTimeout(done, 50)))`),
  ).not.toContain('of the timer')
  await kernel.run(`clearInterval((globalThis as any).timer)`)
  await sleep(20)
})
