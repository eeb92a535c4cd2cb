import { describe, expect, test } from 'vitest'
import { error, result, stream, useKernel } from '../../kit/index.js'

const kernel = useKernel()

/** Runs cells, answering what they ask with these; gives what was asked, the last value and what was printed. */
async function asked(answers: string[], ...cells: string[]) {
  const prompts: string[] = []
  let value: string | undefined
  let out = ''
  for (const cell of cells) {
    const { outputs, status, reply } = await kernel.run(`// @ts-nocheck\n${cell}`, {
      answer: ({ prompt }) => {
        prompts.push(prompt)
        return answers.shift() ?? 'too many'
      },
    })
    expect([status, reply.evalue]).toEqual(['ok', undefined])
    value = result(outputs)
    out += stream(outputs)
  }
  return { prompts, value, out }
}

const open = `const { createInterface } = await import('node:readline'); const face = createInterface({ input: process.stdin, output: process.stdout });`
const openPromises = `const { createInterface } = await import('node:readline/promises'); const face = createInterface({ input: process.stdin, output: process.stdout });`

describe('what Node reads from its standard input is asked of the user', () => {
  test('question of readline/promises, with its text', async () => {
    expect(
      await asked(
        ['Ada', '36'],
        `{ ${openPromises} globalThis.got = [await face.question('name? '), await face.question('age? ')]; face.close() }\ngot`,
      ),
    ).toEqual({
      prompts: ['name? ', 'age? '],
      value: `[ 'Ada', '36' ]`,
      out: '',
    })
  })
  test('an interface of an earlier cell, which asks nothing by itself', async () => {
    expect(
      await asked(
        ['Ada'],
        `import * as readline from 'node:readline/promises'; const kept = readline.createInterface(process.stdin, process.stdout)`,
        `await kept.question('name? ')`,
        `kept.close()`,
      ),
    ).toMatchObject({ prompts: ['name? '] })
  })
  test('question with a callback: the cell ends when it was answered', async () => {
    expect(
      await asked(
        ['Ada', 'Bo'],
        `{ ${open} face.question('one? ', (one) => { console.log(one); face.question('two? ', (two) => { console.log(two); face.close() }) }) }`,
      ),
    ).toEqual({ prompts: ['one? ', 'two? '], value: undefined, out: 'Ada\nBo\n' })
  })
  test('question, promisified', async () => {
    expect(
      await asked(
        ['Ada'],
        `{ ${open} const { promisify } = await import('node:util'); globalThis.got = await promisify(face.question).call(face, 'name? '); face.close() }\ngot`,
      ),
    ).toMatchObject({ prompts: ['name? '], value: `'Ada'` })
  })
  test('prompt and lines', async () => {
    expect(
      await asked(
        ['a', '', 'b'],
        `{ ${open} face.setPrompt('> '); globalThis.got = []; face.prompt(); await new Promise((done) => face.on('line', (line) => { got.push(line); if (line === 'b') face.close(); else face.prompt() }).on('close', done)) }\ngot`,
      ),
    ).toEqual({ prompts: ['> ', '> ', '> '], value: `[ 'a', '', 'b' ]`, out: '' })
  })
  test('lines without a prompt, until one is empty', async () => {
    expect(
      await asked(
        ['a', 'b', ''],
        `{ ${open} globalThis.got = []; for await (const line of face) got.push(line) }\ngot`,
      ),
    ).toEqual({
      prompts: ['', '', ''],
      value: `[ 'a', 'b' ]`,
      out: '',
    })
  })
  test('lines, left after the first', async () => {
    expect(
      await asked(
        ['a'],
        `{ ${open} for await (const line of face) { globalThis.got = line; break } }\ngot`,
        '1',
      ),
    ).toMatchObject({
      prompts: [''],
    })
  })
  test('the stream itself: one answer and its end, in each cell anew', async () => {
    for (let time = 0; time < 2; time++)
      expect(
        await asked(
          ['Ada'],
          `process.stdin.setEncoding('utf8'); let all = ''; for await (const part of process.stdin) all += part; all`,
        ),
      ).toEqual({
        prompts: [''],
        value: `'Ada\\n'`,
        out: '',
      })
  })
  test('the stream, by consumers, pipes and events', async () => {
    expect(
      await asked(['a'], `await (await import('node:stream/consumers')).text(process.stdin)`),
    ).toMatchObject({ value: `'a\\n'` })
    expect(
      await asked(
        ['b'],
        `await (await import('node:stream/promises')).pipeline(process.stdin, process.stdout)`,
      ),
    ).toMatchObject({ out: 'b\n' })
    expect(
      await asked(
        ['c'],
        `await new Promise((done) => process.stdin.once('data', (data) => done(String(data))))`,
      ),
    ).toMatchObject({ value: `'c\\n'` })
  })
  test('nothing, where nobody reads', async () => {
    expect(await asked([], `[process.stdin.fd, process.stdin.isTTY, process.stdin.readable]`)).toEqual({
      prompts: [],
      value: '[ 0, false, true ]',
      out: '',
    })
  })
})

test('Stop ends a question of readline, and the next one is asked', async () => {
  const asks = kernel.wait(({ header }) => header.msg_type === 'input_request')
  const running = kernel.run(
    `// @ts-nocheck\n{ ${openPromises} globalThis.left = face; await face.question('stopped? ') }`,
    {
      answer: () => new Promise<string>(() => {}),
    },
  )
  await asks
  await kernel.interrupt()
  expect(error((await running).outputs)?.ename).toBe('Interrupted')
  expect(
    await asked(
      ['Ada'],
      `{ ${openPromises} globalThis.got = await face.question('name? '); face.close() }\ngot`,
    ),
  ).toMatchObject({ prompts: ['name? '], value: `'Ada'` })
})

describe('where nobody can answer it fails at once, and says what to do', () => {
  for (const [name, cell] of Object.entries({
    'question of readline/promises': `{ ${openPromises} await face.question('name? ') }`,
    'question of readline': `{ ${open} face.question('name? ', () => {}) }`,
    'prompt of readline': `{ ${open} face.prompt() }`,
    'the stream itself': `for await (const part of process.stdin);`,
    'its consumers': `await (await import('node:stream/consumers')).text(process.stdin)`,
  }))
    test(name, async () => {
      const { outputs } = await kernel.run(`// @ts-nocheck\n${cell}`)
      expect(error(outputs)?.ename).toBe('NobodyToAsk')
      expect(error(outputs)?.evalue).toMatch(/takes no input.*set the value in the cell/)
      expect(result((await kernel.run('1 + 1')).outputs)).toBe('2')
    })
})
