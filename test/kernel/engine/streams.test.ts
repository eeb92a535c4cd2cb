import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { error, result, stream, useKernel, temporaryFolder } from '../../kit/index.js'

const kernel = useKernel({ folder: temporaryFolder() })

/** What a cell prints, and its value. */
async function ran(code: string): Promise<{ out: string; err: string; value: string | undefined }> {
  const { outputs, status, reply } = await kernel.run(code)
  expect([status, reply.evalue]).toEqual(['ok', undefined])
  return { out: stream(outputs), err: stream(outputs, 'stderr'), value: result(outputs) }
}

const imports = `
import { createReadStream, writeFileSync } from 'node:fs'
import { Readable, Transform, PassThrough, finished as finishedBack } from 'node:stream'
import { pipeline, finished } from 'node:stream/promises'
import { once } from 'node:events'
import { Console } from 'node:console'
writeFileSync('t.txt', 'line\\n')`

// The right answers are Node 20's own, of a script whose standard output is a file.
describe('stdout and stderr are streams as Node has them', () => {
  const cells: { [name: string]: [code: string, out: string, value: string] } = {
    'a pipeline from a file ends': [
      `await pipeline(createReadStream('t.txt'), process.stdout); 'end'`,
      'line\n',
      `'end'`,
    ],
    'and again': [`await pipeline(createReadStream('t.txt'), process.stdout); 'end'`, 'line\n', `'end'`],
    'a pipeline with a step between': [
      `await pipeline(Readable.from(['a', 'b']), new Transform({ transform(chunk, _, done) { done(null, String(chunk).toUpperCase()) } }), process.stdout); 'end'`,
      'AB',
      `'end'`,
    ],
    'a pipeline that does not end it': [
      `await pipeline(Readable.from(['a\\n', 'b\\n']), process.stdout, { end: false }); 'end'`,
      'a\nb\n',
      `'end'`,
    ],
    'end calls back': [
      `await new Promise<void>((done) => process.stdout.end('ended\\n', () => done())); 'back'`,
      'ended\n',
      `'back'`,
    ],
    'end with an encoding calls back': [
      `await new Promise<void>((done) => process.stdout.end('6869', 'hex', () => done())); 'back'`,
      'hi',
      `'back'`,
    ],
    'end without anything calls back': [
      `await new Promise<void>((done) => process.stdout.end(() => done())); 'back'`,
      '',
      `'back'`,
    ],
    'end says finish, then close': [
      `const said: string[] = []; process.stdout.once('finish', () => said.push('finish')).once('close', () => said.push('close')); process.stdout.end('x'); await once(process.stdout, 'close'); said`,
      'x',
      `[ 'finish', 'close' ]`,
    ],
    'finish comes when it is ended later': [
      `setTimeout(() => process.stdout.end(), 10); await once(process.stdout, 'finish'); 'finish'`,
      '',
      `'finish'`,
    ],
    'finished resolves': [
      `setTimeout(() => process.stdout.end('bye'), 5); await finished(process.stdout); 'finished'`,
      'bye',
      `'finished'`,
    ],
    'finished calls back': [
      `setTimeout(() => process.stdout.end(), 5); await new Promise((done) => finishedBack(process.stdout, done)) ?? 'no error'`,
      '',
      `'no error'`,
    ],
    'what is printed after the end in the same turn is not lost': [
      `process.stdout.end('a'); process.stdout.write('b', () => {}); console.log('c'); 1`,
      'abc\n',
      '1',
    ],
    'destroy leaves it to others': [
      `process.stdout.destroy(); process.stdout.destroySoon?.(); await once(process.stdout, 'close'); console.log('here'); 1`,
      'here\n',
      '1',
    ],
    hex: [`process.stdout.write('6869', 'hex')`, 'hi', 'true'],
    base64: [`process.stdout.write('aMOp', 'base64')`, 'hé', 'true'],
    base64url: [`process.stdout.write('aMOp', 'base64url')`, 'hé', 'true'],
    utf16le: [
      `process.stdout.write(Buffer.from('hi\\u0000'.slice(0, 2)).toString(), 'utf16le')`,
      'h\0i\0',
      'true',
    ],
    latin1: [`process.stdout.write('\\u00c3\\u00a9', 'latin1')`, 'é', 'true'],
    'ascii and utf8': [
      `process.stdout.write('a', 'ascii'); process.stdout.write('é', 'UTF-8' as 'utf8')`,
      'aé',
      'true',
    ],
    'a buffer': [`process.stdout.write(Buffer.from('é'))`, 'é', 'true'],
    'bytes in the middle of a buffer': [
      `process.stdout.write(Uint8Array.from([104, 105, 106]).subarray(1))`,
      'ij',
      'true',
    ],
    'a character in two writes': [
      `process.stdout.write(Buffer.from([0xe2, 0x82])); process.stdout.write(Buffer.from([0xac]))`,
      '€',
      'true',
    ],
    'a character over bytes and a text of bytes': [
      `process.stdout.write(Buffer.from([0xe2, 0x82])); process.stdout.write('ac', 'hex')`,
      '€',
      'true',
    ],
    'write calls back': [
      `await new Promise((done) => process.stdout.write('x', done)) ?? 'no error'`,
      'x',
      `'no error'`,
    ],
    'write with an encoding calls back': [
      `await new Promise((done) => process.stdout.write('x', 'utf8', done)) ?? 'no error'`,
      'x',
      `'no error'`,
    ],
    'an empty write calls back': [
      `await new Promise((done) => process.stdout.write('', done)) ?? 'no error'`,
      '',
      `'no error'`,
    ],
    'a large write that has left needs no drain': [
      `[process.stdout.write('x'.repeat(100_000)), process.stdout.writableNeedDrain]`,
      'x'.repeat(100_000),
      '[ true, false ]',
    ],
    'cork holds back, uncork lets go': [
      `process.stdout.cork(); process.stdout.write('a'); const held = [process.stdout.writableCorked, process.stdout.writableLength]; process.stdout.uncork(); [...held, process.stdout.writableLength]`,
      'a',
      '[ 1, 1, 0 ]',
    ],
    'what stays corked is seen under its cell': [
      `process.stdout.cork(); process.stdout.cork(); process.stdout.write('corked'); 1`,
      'corked',
      '1',
    ],
    'and the next is not': [`console.log('free'); process.stdout.writableCorked`, 'free\n', '0'],
    'what it says of itself': [
      `const { writable, writableEnded, writableFinished, writableObjectMode, writableLength, writableHighWaterMark, destroyed, closed, errored, fd } = process.stdout as any; [writable, writableEnded, writableFinished, writableObjectMode, writableLength, writableHighWaterMark >= 16384, destroyed, closed, errored, fd, !process.stdout.isTTY, process.stdout.columns, process.stderr.fd]`,
      '',
      '[\n  true,  false,\n  false, false,\n  0,     true,\n  false, false,\n  null,  1,\n  true,  undefined,\n  2\n]',
    ],
    pipe: [
      `const source = new PassThrough(); source.pipe(process.stdout); source.write('a'); source.end('b'); await finished(source); 'piped'`,
      'ab',
      `'piped'`,
    ],
    'a readable that is piped finishes': [
      `const c2 = new Readable({ read() { this.push('x\\n'); this.push(null) } }); c2.pipe(process.stdout); await finished(c2); 'readable finished'`,
      'x\n',
      `'readable finished'`,
    ],
    'a console over them': [
      `new Console(process.stdout, process.stderr).log('%d', 5); new Console({ stdout: process.stdout }).table([{ a: 1 }]); 1`,
      '5\n┌─────────┬───┐\n│ (index) │ a │\n├─────────┼───┤\n│ 0       │ 1 │\n└─────────┴───┘\n',
      '1',
    ],
    '_write itself': [
      `await new Promise((done) => process.stdout._write(Buffer.from('x'), 'buffer' as any, done)) ?? 'no error'`,
      'x',
      `'no error'`,
    ],
    'a write that was replaced sees what the console prints': [
      `const write = process.stdout.write; const seen: unknown[] = []; process.stdout.write = ((text: unknown) => (seen.push(text), true)) as never; console.log('caught'); process.stdout.write = write; seen`,
      '',
      `[ 'caught\\n' ]`,
    ],
    'its name': [
      `process.stdout.constructor.name !== '' && typeof process.stdout.on === 'function' && process.stdout === process.stdout`,
      '',
      'true',
    ],
  }
  test('what a cell imports for them', async () => void (await ran(imports)))
  for (const [name, [code, out, value]] of Object.entries(cells))
    test(name, async () =>
      expect(
        await ran(
          `{ ${code.replace(/; ([^;]*)$|^([^;]*)$/, '; globalThis.last = $1$2')} }\n(globalThis as any).last`,
        ),
      ).toEqual({ out, err: '', value }),
    )

  test('stderr too', async () => {
    expect(
      await ran(
        `await new Promise<void>((done) => process.stderr.end('78', 'hex', () => done())); console.error('y'); 1`,
      ),
    ).toEqual({
      out: '',
      err: 'xy\n',
      value: '1',
    })
  })

  for (const [given, code] of Object.entries({
    '5': 'ERR_INVALID_ARG_TYPE',
    null: 'ERR_STREAM_NULL_VALUES',
    '{}': 'ERR_INVALID_ARG_TYPE',
    "'x', 'no such'": 'ERR_UNKNOWN_ENCODING',
  }))
    test(`refuses write(${given}) with Node's own error`, async () => {
      expect(
        (
          await ran(
            `// @ts-nocheck\ntry { process.stdout.write(${given}); var code = 'written' } catch (error) { var code = error.code }\ncode`,
          )
        ).value,
      ).toBe(`'${code}'`)
      expect((await ran(`console.log('after')`)).out).toBe('after\n')
    })

  test('Stop in the middle of a write leaves them as they were', async () => {
    for (const code of [
      `for (;;) process.stdout.write('x'.repeat(100_000))`,
      `for (;;) console.log('x')`,
      `process.stdout.cork(); process.stdout.write('held'); for (;;);`,
      `console.group('a'); console.group('b'); for (;;);`,
      `console.group('a'); await new Promise(() => {})`,
    ]) {
      const running = kernel.run(code)
      await sleep(300)
      await kernel.interrupt()
      expect(error((await running).outputs)?.ename).toBe('Interrupted')
      expect(
        await ran(`await new Promise((done) => process.stdout.write('x', done)); console.log('after'); 1`),
      ).toEqual({
        out: 'xafter\n',
        err: '',
        value: '1',
      })
    }
  })

  test('a group that an error left open does not indent later cells, one that is open on purpose does', async () => {
    await kernel.run(`console.group('a'); console.group('b'); throw new Error('between')`)
    expect((await ran(`console.log('here'); 1`)).out).toBe('here\n')
    await kernel.run(`console.group('a')`)
    await kernel.run(`console.group('b'); throw new Error('between')`)
    expect((await ran(`console.log('here'); 1`)).out).toBe('  here\n')
    expect((await ran(`console.groupEnd(); console.log('here'); 1`)).out).toBe('here\n')
    await kernel.run(`setTimeout(() => { console.group('late'); throw new Error('between') }, 1)`)
    await sleep(100)
    expect((await ran(`console.log('here'); 1`)).out).toBe('here\n')
  })
})
