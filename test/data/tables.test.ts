import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { fromArrays, fromRecords, load, readCsv, readJsonLines, spool } from '../../src/data/index.js'
import { setHost, type Host } from '../../src/host.js'
import { temporaryFolder } from '../kit/files.js'

let folder = ''
let said: string[] = []
beforeAll(() => {
  folder = temporaryFolder()
  setHost({ display: (bundle: any) => void said.push(bundle['text/plain']) } as unknown as Host)
})
afterEach(() => {
  said = []
})

const file = (name: string, content: string) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}
const csv = (content: string, options = {}) => all(readCsv(file('a.csv', content), options))

const missing = ['NaN', 'nan', 'NA', '<NA>', 'N/A', 'null', 'NULL', 'None', '#N/A', '-1.#IND', '', '-nan']

/** What pandas 3.1 gives for the same text, `to_dict('records')`, with null for NaN. */
const asPandas: [string, string, unknown[]][] = [
  [
    'truth values',
    'a,b\nTrue,1\nFALSE,2\ntrue,3\n',
    [
      { a: true, b: 1 },
      { a: false, b: 2 },
      { a: true, b: 3 },
    ],
  ],
  [
    'what is missing',
    `a,b\n1.5,1\n${missing.map((value) => `${value},1\n`).join('')}`,
    [{ a: 1.5, b: 1 }, ...missing.map(() => ({ a: null, b: 1 }))],
  ],
  [
    'row numbers',
    ',a,b\n0,1,2\n1,3,4\n',
    [
      { 'Unnamed: 0': 0, a: 1, b: 2 },
      { 'Unnamed: 0': 1, a: 3, b: 4 },
    ],
  ],
  ['a column without a name', 'a,,b\n1,2,3\n', [{ a: 1, 'Unnamed: 1': 2, b: 3 }]],
  [
    'quotes, and line breaks in them',
    'a,b\n"x ""y"", z",1\n"two\r\nlines",2\nplain "quoted" text,3\n',
    [
      { a: 'x "y", z', b: 1 },
      { a: 'two\r\nlines', b: 2 },
      { a: 'plain "quoted" text', b: 3 },
    ],
  ],
  [
    'line ends of Windows',
    'a,b\r\n1,2\r\n3,4\r\n',
    [
      { a: 1, b: 2 },
      { a: 3, b: 4 },
    ],
  ],
  [
    'whole numbers of 64 bits',
    'a\n9007199254740993\n-9223372036854775808\n18446744073709551615\n9007199254740991\n',
    [
      { a: 9007199254740993n },
      { a: -9223372036854775808n },
      { a: 18446744073709551615n },
      { a: 9007199254740991 },
    ],
  ],
  [
    'infinity',
    'a\ninf\n-inf\nInfinity\n+inf\n',
    [{ a: Infinity }, { a: -Infinity }, { a: Infinity }, { a: Infinity }],
  ],
  ['numbers', 'a\n1e3\n-2.5E-3\n.5\n5.\n+7\n', [{ a: 1000 }, { a: -0.0025 }, { a: 0.5 }, { a: 5 }, { a: 7 }]],
  ['spaces', 'a,b\n 1 , x \n', [{ a: 1, b: ' x ' }]],
]

describe('a CSV file', () => {
  it.each(asPandas)('with %s reads as in pandas', async (_name, content, records) => {
    expect(await csv(content)).toEqual(records)
  })

  it('may have a decimal comma, and other signs for what is missing', async () => {
    expect(await csv('a;b\n1,5;2\n-0,25;?\n', { separator: ';', decimal: ',', missing: ['?'] })).toEqual([
      { a: 1.5, b: 2 },
      { a: -0.25, b: null },
    ])
    expect(await csv('country\nNA\nDE\n', { missing: [''] })).toEqual([{ country: 'NA' }, { country: 'DE' }])
    const semicolons = { csv: { separator: ';' } }
    await expect(load(file('a.csv', 'a;b;y\n1,5;1;2\n'), semicolons)).rejects.toThrow(
      "'1,5' in record 0. Expected a number. Is that a decimal comma? { csv: { separator: ';', decimal: ',' } } reads it.",
    )
    expect((await load(file('a.csv', 'a;y\n1;1,5\n2;2,5\n'), semicolons)).classes).toEqual(['1,5', '2,5'])
    expect(said).toEqual([expect.stringMatching(/a\.y: texts such as '1,5' look like .* decimal: ','/)])
    await expect(csv('a\n1', { decimal: ',' })).rejects.toThrow(/another sign than the separator/)
  })

  it('may have lines that end in a separator, with nothing behind it', async () => {
    const records = [
      { a: 1, b: 2 },
      { a: 3, b: 4 },
    ]
    expect(await csv('a,b,\n1,2,\n3,4,\n')).toEqual(records)
    expect(said).toEqual([])
    expect(await csv('a,b\n1,2,\n3,4,\n')).toEqual(records)
    expect(said).toEqual([expect.stringMatching(/a\.csv: lines end in "," with nothing behind it/)])
    await expect(csv('a,b,\n1,2,\n3,4,5\n')).rejects.toThrow(
      /line 3: received '5' in a column without a name/,
    )
  })

  it('whose lines are of other lengths is refused with the line', async () => {
    await expect(csv('a,b\n1,2\n\n"x\ny",2,3\n')).rejects.toThrow(
      /a\.csv, line 4: received 3 values. Expected 2/,
    )
    await expect(csv('a,b\n1,2\n3\n')).rejects.toThrow(/line 3: received 1 values/)
  })

  it("leaves pandas' row numbers out of what the model gets, and says so", async () => {
    const data = await load(file('a.csv', ',a,b,y\n0,1,2,0\n1,3,4,1\n'))
    expect([data.x.shape, Array.from(data.valuesAt(1).x as Float32Array)]).toEqual([[2], [3, 4]])
    expect(said).toEqual([expect.stringContaining("{ x: ['Unnamed: 0', 'a', 'b'] }")])
    const named = await load(file('a.csv', ',a,b,y\n0,1,2,0\n1,3,4,1\n'), { x: ['Unnamed: 0', 'a', 'b'] })
    expect(named.x.shape).toEqual([3])
    expect((await load(file('a.csv', ',y\n0,1\n'))).x.shape).toEqual([1])
  })

  it('with a name twice can be read with names of its own, as the message writes it', async () => {
    const path = file('twice.csv', 'a,b,a,a\n1,2,3,4\n')
    const message = await load(path).catch((error: Error) => error.message)
    const options = String(message).match(/\{ csv: .* \}/)![0]
    expect(options).toBe("{ csv: { columns: ['a', 'b', 'a.1', 'a.2'], skip: 1 } }")
    const data = await load(path, new Function(`return (${options})`)())
    expect(Array.from(data.valuesAt(0).x as Float32Array)).toEqual([1, 2, 3, 4])
  })
})

describe('whole numbers', () => {
  it('of JSON come exactly, and nothing else changes', async () => {
    const lines = [
      '{"id":9007199254740993,"n":-12345678901234567890,"s":"9007199254740993","f":0.1234567890123456}',
      '{"id":9007199254740991,"e":1e300,"k":{"9007199254740993":[1,9007199254740993,"\\"9007199254740993"]}}',
      '{"s":"\\ue0000 \ue001","id":18446744073709551615}',
    ]
    expect(await all(readJsonLines(file('a.jsonl', lines.join('\n'))))).toEqual([
      { id: 9007199254740993n, n: -12345678901234567890n, s: '9007199254740993', f: 0.1234567890123456 },
      {
        id: 9007199254740991,
        e: 1e300,
        k: { '9007199254740993': [1, 9007199254740993n, '"9007199254740993'] },
      },
      { s: '\ue0000 \ue001', id: 18446744073709551615n },
    ])
    // As Python's json writes them.
    const python = '{"a":NaN,"b":-Infinity,"c":"NaN \\"Infinity","d":[Infinity,9007199254740993]}'
    expect(await all(readJsonLines(file('a.jsonl', python)))).toEqual([
      { a: null, b: -Infinity, c: 'NaN "Infinity', d: [Infinity, 9007199254740993n] },
    ])
    await expect(all(readJsonLines(file('a.jsonl', '{"a":9007199254740993,}')))).rejects.toThrow(/line 1/)
  })

  it('that int32 does not hold are floats: exact, or rounded and said', () => {
    const of = (x: unknown) => {
      const data = fromArrays({ x })
      return [data.x.dtype, ...Array.from({ length: data.length }, (_, i) => data.valuesAt(i).x[0])]
    }
    expect(of(new Uint32Array([3_000_000_000, 7]))).toEqual(['float32', 3_000_000_000, 7])
    expect(of(new Uint32Array([2147483647, 7]))).toEqual(['int32', 2147483647, 7])
    expect(of(new BigInt64Array([2n ** 40n, -(2n ** 50n)]))).toEqual(['float32', 2 ** 40, -(2 ** 50)])
    expect(of(new BigUint64Array([2n ** 31n - 1n]))).toEqual(['int32', 2 ** 31 - 1])
    expect(of([4_294_967_040])).toEqual(['float32', 4_294_967_040])
    expect(of([new Uint32Array([2147483648])])).toEqual(['float32', 2147483648])
    expect(of([2n ** 60n])).toEqual(['float32', 2 ** 60])
    expect(said).toEqual([])
    expect(of(new Uint32Array([4_294_967_295]))).toEqual(['float32', 4_294_967_296])
    expect(of([123_456_789, 0.1, 1e30])).toEqual([
      'float32',
      123_456_792,
      Math.fround(0.1),
      Math.fround(1e30),
    ])
    expect(of([2n ** 53n + 1n])).toEqual(['float32', 2 ** 53])
    expect(of(new Float64Array([16_777_217]))).toEqual(['float32', 16_777_216])
    expect(said.map((line) => line.match(/: (\d+ is \d+)/)?.[1])).toEqual([
      '4294967295 is 4294967296',
      '123456789 is 123456792',
      '9007199254740993 is 9007199254740992',
      '16777217 is 16777216',
    ])
    expect(() => of([1e39])).toThrow(/received 1e\+39. Expected numbers that float32 holds/)
  })

  it('that are rounded are said on stderr where no host is', () => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const host = setHost(undefined as never)
    try {
      fromArrays({ x: [16_777_217] })
      expect(write.mock.calls.map(([line]) => line)).toEqual([
        expect.stringMatching(/^data: .*16777217 is 16777216.*\n$/),
      ])
    } finally {
      setHost(host!)
      write.mockRestore()
    }
  })

  it('that are rounded are counted over a whole file, and said once', async () => {
    const rows = Array.from({ length: 10_000 }, (_, a) => ({ a: 20_000_001 + 2 * a, y: 0 }))
    await spool(rows)
    expect(said).toEqual([expect.stringContaining('20000001 is 20000000 (10000 values)')])
  })

  it('of half precision and of other realms are what they are', async () => {
    const { runInNewContext } = await import('node:vm')
    expect(fromArrays({ x: runInNewContext('new Uint32Array([3e9])') }).valuesAt(0).x[0]).toBe(3e9)
    expect(fromArrays({ x: runInNewContext('new Float64Array([0.5])') }).valuesAt(0).x[0]).toBe(0.5)
    expect(fromArrays({ x: runInNewContext('[[0.5, 1]]') }).x.shape).toEqual([2])
  })
})

describe('a fix that a message offers', () => {
  /** The first options or expression in braces that the message offers, as JavaScript. */
  const offered = async (work: () => unknown, pattern: RegExp): Promise<string> => {
    const error = await (async () => work())().then(
      () => new Error('no error'),
      (problem: Error) => problem,
    )
    const found = error.message.match(pattern)
    if (!found) throw new Error(`nothing like ${pattern} in: ${error.message}`)
    return found[0]
  }
  const run = (code: string, scope: object = {}) =>
    new Function(...Object.keys(scope), `return (${code})`)(...Object.values(scope))

  it.each(['petal length', "Anna's", 'a"b', 'back\\slash', 'größe', '2nd', 'default', 'a-b', '', 'x y\tz'])(
    'works when it is pasted, for a field named %j',
    async (field) => {
      const records = [
        { [field]: 1.5, y: 0 },
        { [field]: null, y: 1 },
      ]
      const filtered = await offered(() => fromRecords(records, { x: field }), /records\.filter\(.*\)(?=\.$)/)
      expect(run(filtered, { records })).toEqual([records[0]])
      const path = file('gap.jsonl', records.map((record) => JSON.stringify(record)).join('\n'))
      for (const source of [() => load(path, { x: field }), () => spool(records, { x: field })]) {
        const options = run(await offered(source, /\{ where: .* \}(?=\.$)/))
        expect((await load(path, { x: field, ...options })).length).toBe(1)
        expect((await spool(records, { x: field, ...options })).length).toBe(1)
      }
      const texts = [{ [field]: 'text', 'other one': 1, y: 0 }]
      const others = run(await offered(() => fromRecords(texts), /\{ x: .*? \}/))
      expect(fromRecords(texts, others).x.shape).toEqual([1])
    },
  )

  it('leaves out what is no number where that is missing', async () => {
    const path = file('n.jsonl', '{"a":1,"b":2,"y":0}\n{"a":2,"y":1}\n')
    const options = run(await offered(() => load(path), /\{ where: .* \}(?=\.$)/))
    expect((await load(path, options)).length).toBe(1)
    const records = [
      { a: 1, y: 0 },
      { a: NaN, y: 1 },
      { a: Infinity, y: 1 },
    ]
    const filtered = await offered(() => fromRecords(records), /records\.filter\(.*\)(?=\.$)/)
    expect(run(filtered, { records })).toEqual([records[0]])
    const holes = [records[0], null]
    const whole = await offered(() => fromRecords(holes as never), /records\.filter\(.*\)(?=\.$)/)
    expect(run(whole, { records: holes })).toEqual([records[0]])
    await expect(load(path, { where: 'a' as never })).rejects.toThrow(/a function of a record/)
    await expect(load(path, { where: () => false })).rejects.toThrow(/no records that \{ where \} takes/)
  })

  it('is not needed where pandas wrote True, False and lists', async () => {
    const data = await load(file('p.csv', 'a,ok,y\n1,True,0\n2,False,1\n'))
    expect([data.valuesAt(0).x, data.valuesAt(1).x]).toEqual([Float32Array.of(1, 1), Float32Array.of(2, 0)])
    expect(fromRecords([{ emb: [1, 2], y: 0 }]).x.shape).toEqual([2])
    const lists = [{ emb: [1, 2], more: 3, y: 0 }]
    const options = run(await offered(() => fromRecords(lists), /\{ x: .*? \}/))
    expect(fromRecords(lists, options).x.shape).toEqual([2])
  })
})
