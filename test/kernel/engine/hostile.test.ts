import { describe, expect, test } from 'vitest'
import { result, useKernel, type Ran } from '../../kit/index.js'

const kernel = useKernel()

/** What a front end must have of every cell: one reply, busy first, idle last; errors made of text. */
function expectWhole({ reply, messages }: Ran): void {
  const states = messages.filter(({ header }) => header.msg_type === 'status')
  expect(states[0]!.content.execution_state).toBe('busy')
  expect(states.at(-1)!.content.execution_state).toBe('idle')
  if (reply.status === 'error') expectProblem(reply)
  for (const { header, content } of messages) if (header.msg_type === 'error') expectProblem(content)
}

function expectProblem({ ename, evalue, traceback }: any): void {
  expect([typeof ename, typeof evalue, Array.isArray(traceback)]).toEqual(['string', 'string', true])
  expect(ename).not.toBe('')
  expect(traceback.every((line: unknown) => typeof line === 'string')).toBe(true)
}

/** Values that answer questions with an error, with nonsense or not at all, as expressions. */
const values: { [name: string]: string } = {
  'a proxy whose every get throws': `new Proxy(new Error('p'), { get() { throw new Error('trap') } })`,
  'a proxy that throws itself': `(() => { const p: any = new Proxy(new Error('p'), { get() { throw p } }); return p })()`,
  'a proxy with every trap throwing': `new Proxy(new Error('p'), new Proxy({}, { get() { throw new Error('trap') } }))`,
  'a proxy of a plain object, every trap throwing': `new Proxy({}, new Proxy({}, { get() { return () => { throw new Error('trap') } } }))`,
  'a proxy of a function': `new Proxy(() => 1, new Proxy({}, { get() { return () => { throw 1 } } }))`,
  'a revoked proxy': `(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy })()`,
  'an error whose message throws': `Object.defineProperty(new Error('m'), 'message', { get() { throw new Error('no') } })`,
  'an error whose name throws': `Object.defineProperty(new Error('m'), 'name', { get() { throw null } })`,
  'an error whose cause throws': `Object.defineProperty(new Error('m'), 'cause', { get() { throw undefined } })`,
  'an error whose stack throws': `Object.defineProperty(new Error('m'), 'stack', { get() { throw new Error('no') } })`,
  'an error whose errors throw': `Object.defineProperty(new Error('m'), 'errors', { get() { throw new Error('no') } })`,
  'an error whose code throws': `Object.defineProperty(new Error('m'), 'code', { enumerable: true, get() { throw new Error('no') } })`,
  'an error whose message is an object without a text': `Object.assign(new Error('m'), { message: Object.create(null) })`,
  'an error whose message is a symbol': `Object.assign(new Error('m'), { message: Symbol('s') })`,
  'an error whose name is an object': `Object.assign(new Error('m'), { name: { toString() { throw new Error('no') } } })`,
  'an error whose stack is a number': `Object.assign(new Error('m'), { stack: 5 })`,
  'an error whose stack is a revoked proxy': `(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return Object.assign(new Error('m'), { stack: proxy }) })()`,
  'a message that is JSON of a circle': `new (class Circle extends Error { get message() { const a: any = {}; a.a = a; return JSON.stringify(a) } })()`,
  'errors that are a revoked proxy': `(() => { const { proxy, revoke } = Proxy.revocable([], {}); revoke(); return Object.assign(new Error('m'), { errors: proxy }) })()`,
  'a cause that refuses to be looked at': `new Error('m', { cause: new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 2 }, has() { throw 3 } }) })`,
  'a circle of causes': `(() => { const a: any = new Error('a'); a.cause = new Error('b', { cause: a }); return a })()`,
  'an aggregate of hostile errors': `new AggregateError([new Proxy({}, { get() { throw 1 } }), null, undefined, Symbol('s'), Object.defineProperty(new Error('m'), 'stack', { get() { throw 1 } })], 'many')`,
  'an aggregate of 10,000': `new AggregateError(Array.from({ length: 10_000 }, (_, i) => new Error(String(i))), 'many')`,
  'an error without a prototype': `Object.setPrototypeOf(new Error('m'), null)`,
  'an object without a prototype': `Object.create(null)`,
  'an object without a prototype that looks like an error': `Object.assign(Object.create(null), { message: 'm', stack: 's' })`,
  'a frozen error': `Object.freeze(new Error('frozen'))`,
  'a class with an odd name': `new (class extends Error { static get name() { throw new Error('no') } })('m')`,
  'a constructor that throws': `Object.create({ get constructor() { throw new Error('no') } })`,
  'a tag that throws': `({ get [Symbol.toStringTag]() { throw new Error('no') } })`,
  'a tag that is no text': `({ [Symbol.toStringTag]: {} })`,
  'an inspection that throws': `({ [Symbol.for('nodejs.util.inspect.custom')]() { throw new Error('no') } })`,
  'an inspection that throws a proxy': `({ [Symbol.for('nodejs.util.inspect.custom')]() { throw new Proxy({}, { get() { throw 1 } }) } })`,
  'an inspection that is a getter that throws': `({ get [Symbol.for('nodejs.util.inspect.custom')]() { throw new Error('no') } })`,
  'an inspection that gives an object': `({ [Symbol.for('nodejs.util.inspect.custom')]() { return { a: 1 } } })`,
  'a text that throws': `({ toString() { throw new Error('no') }, [Symbol.toPrimitive]() { throw new Error('no') } })`,
  'a text that is none': `({ toString() { return {} } })`,
  'a toJSON that throws': `({ toJSON() { throw new Error('no') } })`,
  'a then that throws': `({ get then() { throw new Error('no') } })`,
  'getters that throw': `({ get a() { throw new Error('no') }, get live() { throw 1 }, get kind() { throw 2 }, get toSpec() { throw 3 } })`,
  'a circle': `(() => { const a: any = { list: [] }; a.self = a; a.list.push(a); return a })()`,
  'a nest of 20,000 objects': `(() => { let a: any = {}; for (let i = 0; i < 20_000; i++) a = { a }; return a })()`,
  'a text of two million characters': `'x'.repeat(2_000_000)`,
  'an error with a message of two million characters': `new Error('x'.repeat(2_000_000))`,
  'a DOMException': `new DOMException('aborted', 'AbortError')`,
  undefined: `undefined`,
  null: `null`,
  'a symbol': `Symbol('s')`,
  'a bigint': `10n`,
  NaN: `NaN`,
  'an empty text': `''`,
  'a function': `function f() {}`,
  'a class': `class A { static toString(): string { throw new Error('no') } }`,
  'a display that throws a proxy': `({ [Symbol.for('Jupyter.display')]() { throw new Proxy({}, { get() { throw 1 } }) } })`,
  'a display that is a getter that throws': `({ get [Symbol.for('Jupyter.display')]() { throw new Error('no') } })`,
  'a display that rejects with a proxy': `({ async [Symbol.for('Jupyter.display')]() { throw new Proxy({}, { get() { throw 1 } }) } })`,
  'a display that gives a revoked proxy': `({ [Symbol.for('Jupyter.display')]() { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy } })`,
  'a display that gives getters that throw': `({ [Symbol.for('Jupyter.display')]: () => ({ get 'text/plain'() { throw new Error('no') }, 'text/html': '<b>x</b>' }) })`,
  'a display that gives other things than text': `({ [Symbol.for('Jupyter.display')]: () => ({ 'text/plain': 5, 'text/html': { a: 1 }, 'application/json': { f() {}, n: 1n } }) })`,
  'a display that gives a circle': `({ [Symbol.for('Jupyter.display')]: () => { const a: any = {}; a.a = a; return { 'application/json': a, 'text/plain': 'circle' } } })`,
  'a display that gives a number': `({ [Symbol.for('Jupyter.display')]: () => 5 })`,
  'a display that gives nothing': `({ [Symbol.for('Jupyter.display')]() {} })`,
  'a display that gives a list': `({ [Symbol.for('Jupyter.display')]: () => ['a'] })`,
  'a display that gives a thenable that throws': `({ [Symbol.for('Jupyter.display')]: () => ({ then() { throw new Error('no') } }) })`,
}

const ways: { [way: string]: (value: string) => string } = {
  'is thrown': (value) => `throw ${value}`,
  'is what a promise is rejected with': (value) => `await Promise.reject(${value})`,
  'is thrown in a function of a library': (value) => `JSON.stringify({ toJSON() { throw ${value} } })`,
  'is the result': (value) => `(${value})`,
  'is inside the result': (value) => `[${value}, { inside: ${value} }]`,
  'is displayed': (value) => `display(${value})`,
  'is displayed as a bundle': (value) => `display(${value}, { raw: true })`,
  'is printed': (value) => `console.log(${value}); console.error('%s %o', ${value}, ${value})`,
  'is sent over a comm': (value) => `host.comms.open('hostile', ${value}).close()`,
}

describe('whatever a value answers when it is looked at, its cell ends with one reply', () => {
  for (const [name, value] of Object.entries(values))
    test(name, async () => {
      for (const [way, cell] of Object.entries(ways)) {
        // What the types say of it is not the question.
        const ran = await kernel.run(`// @ts-nocheck\n${cell(value)}`, {
          user_expressions: { again: `(globalThis as any).hostile` },
        })
        expectWhole(ran)
        const errors = ran.messages.filter(({ header }) => header.msg_type === 'error')
        // What no message can hold is told as an error of its own, in place of its picture.
        const most = ran.status === 'error' || name.includes('circle') || name.includes('nest') ? 1 : 0
        expect([way, errors.length]).toEqual([way, Math.min(errors.length, most)])
        if (ran.status === 'error') expect(errors.length).toBe(1)
        if (/throw|reject/.test(way)) expect(ran.status).toBe('error')
      }
      expect(result((await kernel.run('1 + 1')).outputs)).toBe('2')
    })
})

test('what can be read of an error that refuses is told, and what cannot is said', async () => {
  const told = async (value: string) => (await kernel.run(`// @ts-nocheck\nthrow ${value}`)).reply
  expect(await told(values['a proxy whose every get throws']!)).toMatchObject({
    ename: 'Error',
    evalue: '(its message cannot be read: trap)',
  })
  expect(await told(values['an error whose name throws']!)).toMatchObject({ evalue: 'm' })
  expect(await told(values['an error whose stack throws']!)).toMatchObject({ ename: 'Error', evalue: 'm' })
  const many = await told(values['an aggregate of 10,000']!)
  expect(many.traceback.join('\n')).toContain('10 of 10000:')
  expect(many.traceback.join('\n')).toContain('… and 9990 more')
  const long = await told(values['an error with a message of two million characters']!)
  expect(long.evalue).toMatch(/^x{100000}… \(1900000 more characters\)$/)
})

test('Shift-Tab, completion and the list of variables look at any value, and at one that never answers', async () => {
  const all = {
    ...values,
    'an inspection without end': `({ [Symbol.for('nodejs.util.inspect.custom')]() { for (;;); } })`,
    'a display without end': `({ [Symbol.for('Jupyter.display')]() { for (;;); } })`,
    'a text without end': `({ get [Symbol.toStringTag]() { for (;;); } })`,
  }
  for (const [name, value] of Object.entries(all)) {
    await kernel.run(
      `// @ts-nocheck\nvar hostile: any = ${value}; hostile;`.replace(/ hostile;$/, ' undefined'),
    )
    for (const code of ['hostile', 'hostile.a']) {
      const { content } = await kernel.request('shell', 'inspect_request', {
        code,
        cursor_pos: code.length,
        detail_level: 1,
      })
      expect([name, content.status]).toEqual([name, 'ok'])
      const completed = await kernel.request('shell', 'complete_request', {
        code: `${code}.`,
        cursor_pos: code.length + 1,
      })
      expect([name, completed.content.status]).toEqual([name, 'ok'])
    }
    expect([name, result((await kernel.run('1 + 1')).outputs)]).toEqual([name, '2'])
  }
})

describe('thrown when nobody catches it, it is told under its cell and the kernel goes on', () => {
  const late: { [way: string]: (value: string) => string } = {
    'in a timer': (value) => `setTimeout(() => { throw ${value} }, 1)`,
    'in an immediate': (value) => `setImmediate(() => { throw ${value} })`,
    'in a tick': (value) => `process.nextTick(() => { throw ${value} })`,
    'in a microtask': (value) => `queueMicrotask(() => { throw ${value} })`,
    'in a promise': (value) => `void Promise.reject(${value})`,
    'in an event': (value) =>
      `new EventTarget().dispatchEvent(new Event('x')); const { EventEmitter } = await import('node:events'); const e = new EventEmitter(); setImmediate(() => e.emit('error', ${value}))`,
  }
  for (const [way, cell] of Object.entries(late))
    test(way, async () => {
      for (const [name, value] of Object.entries(values)) {
        const told = kernel.wait(({ header }) => header.msg_type === 'error')
        const ran = await kernel.run(`// @ts-nocheck\n{ ${cell(value)} }\nundefined`)
        expectWhole(ran)
        const { content } = await told
        expectProblem(content)
        expect([name, result((await kernel.run('1 + 1')).outputs)]).toEqual([name, '2'])
      }
    })
})
