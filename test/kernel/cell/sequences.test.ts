import { expect, test } from 'vitest'
import { notebook } from './run.js'

/** What a name stands for: a number, nothing yet, or something that reads another name when it is called. */
type Value =
  | { kind: 'number'; n: number | undefined }
  | { kind: 'object' }
  | { kind: 'reader'; of: string; by: 'call' | 'get' }
interface Known {
  value: Value
  isVariable: boolean
}

/** Numbers in 0..1 from a seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Random cells with, after each, what every name must be worth: a second, much simpler opinion on how cells behave. */
function* createCells(seed: number): Generator<{ text: string; fails: boolean; names: Map<string, Known> }> {
  const random = createRandom(seed)
  const below = (n: number) => Math.floor(random() * n)
  const pick = <T>(items: readonly T[]): T => items[below(items.length)]!
  const all = ['a', 'b', 'c', 'd', 'e', 'name', 'display']
  const names = new Map<string, Known>()
  for (let cell = 0; cell < 8; cell++) {
    const declared = new Set<string>()
    const lines: string[] = []
    const length = 1 + below(5)
    const throwAt = random() < 0.2 ? below(length) : -1
    const functions: [string, Value][] = []
    const later: (() => void)[] = []
    for (let line = 0; line < length; line++) {
      if (line === throwAt) lines.push('throw new Error("on purpose")')
      const runs = throwAt === -1 || line < throwAt
      const set = (name: string, value: Value, isVariable: boolean) => {
        declared.add(name)
        if (runs) later.push(() => names.set(name, { value, isVariable }))
      }
      const fresh = all.filter((name) => !declared.has(name))
      const variables = [...names].filter(
        ([name, { isVariable, value }]) => isVariable && value.kind === 'number' && !declared.has(name),
      )
      const k = below(100)
      const number: Value = { kind: 'number', n: k }
      const name = pick(fresh)
      switch (fresh.length < 2 ? -1 : below(12)) {
        case 0:
          lines.push(`const ${name} = ${k}`)
          set(name, number, false)
          break
        case 1:
          lines.push(`let ${name}: number | undefined = ${k}`)
          set(name, number, true)
          break
        case 2:
          lines.push(`if (true) { var ${name}: any = ${k} }`)
          set(name, number, true)
          // The name exists from the start of the cell, even if its line is never reached.
          if (!runs && !names.has(name))
            names.set(name, { value: { kind: 'number', n: undefined }, isVariable: true })
          break
        case 3: {
          const of = pick(all)
          lines.push(`function ${name}() { return ${of} }`)
          declared.add(name)
          functions.push([name, { kind: 'reader', of, by: 'call' }])
          break
        }
        case 4: {
          const of = pick(all)
          lines.push(`const ${name} = async () => ${of}`)
          set(name, { kind: 'reader', of, by: 'call' }, false)
          break
        }
        case 5: {
          const of = pick(all.filter((other) => other !== name))
          lines.push(`class ${name} { static get value() { return ${of} } }`)
          set(name, { kind: 'reader', of, by: 'get' }, false)
          break
        }
        case 6: {
          const other = pick(fresh.filter((one) => one !== name))
          lines.push(`const { x: ${name}, y: [${other} = ${k}] } = { x: ${k}, y: [] as number[] }`)
          set(name, number, false)
          set(other, number, false)
          break
        }
        case 7:
          lines.push(`enum ${name} { value = ${k} }; ${name}.value`)
          set(name, { kind: 'object' }, false)
          break
        case 8:
          lines.push('await Promise.resolve()')
          break
        default:
          if (variables.length > 1) {
            const [[one], [two]] = [pick(variables), pick(variables)]
            if (one === two) {
              lines.push(`${one} += 1`)
              if (runs)
                later.push(() => {
                  const known = names.get(one)
                  if (known?.value.kind === 'number')
                    names.set(one, { ...known, value: { kind: 'number', n: known.value.n! + 1 } })
                })
            } else {
              lines.push(`;[${one}, ${two}] = [${two}, ${one}]`)
              if (runs)
                later.push(() => {
                  const [x, y] = [names.get(one)!, names.get(two)!]
                  names.set(one, y)
                  names.set(two, x)
                })
            }
            declared.add(one).add(two)
          }
      }
    }
    for (const [name, value] of functions) names.set(name, { value, isVariable: false })
    for (const change of later) change()
    yield { text: lines.join('\n'), fails: throwAt !== -1, names }
  }
}

/** What `expression` must come to by the model, following readers to the names of now. */
function expected(name: string, names: Map<string, Known>, depth = 0): unknown {
  const known = names.get(name)
  if (!known || depth > 0) return known?.value.kind === 'number' ? known.value.n : 'thing'
  const { value } = known
  if (value.kind === 'object') return 'thing'
  return value.kind === 'number' ? value.n : expected(value.of, names, 1)
}

const count = process.env.GRADBOOK_LONG === '1' ? 1_000 : 100

test(`${count} random notebooks keep their promises`, async () => {
  for (let seed = 1; seed <= count; seed++) {
    const { run } = notebook()
    const texts: string[] = []
    for (const { text, fails, names } of createCells(seed)) {
      texts.push(text)
      const ended = await run(text).then(
        () => 'well',
        (error: Error) => error.message,
      )
      const where = `seed ${seed}:\n${texts.join('\n// %%\n')}`
      expect(ended, where).toBe(fails ? 'on purpose' : 'well')
      for (const [name, { value }] of names) {
        if (value.kind === 'reader' && !names.has(value.of)) continue
        const read = value.kind !== 'reader' ? name : value.by === 'get' ? `${name}.value` : `await ${name}()`
        const got = await run(
          `const got: unknown = ${read}; typeof got === 'number' || got === undefined ? got : 'thing'`,
        )
        expect(got, `${name} after ${where}`).toBe(expected(name, names))
      }
    }
  }
})
