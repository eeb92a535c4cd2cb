import { isNode, takenOf, type Taken } from './held.js'
import {
  kinds,
  typedArrays,
  type Keepable,
  type Kind,
  type KeptContent,
  type Node,
  type TensorContent,
  type Typed,
} from './kinds.js'

/** Where arrays of numbers go in a file, and where they come from: by number. */
export interface Arrays {
  put(values: ArrayBufferView): number
  get(at: number): Uint8Array | undefined
}

/** `[kind, content]`; values that JSON has stand as they are. */
type Json = null | boolean | number | string | readonly [kind: string, content: unknown]

/** How the content of a kind is written, one row a kind, as `kinds` has them. */
interface Written {
  encode(content: any, inner: (saved: unknown) => Json, put: Arrays['put'], node: Node): unknown
  decode(json: any, inner: (json: unknown, at?: string) => unknown, get: (at: unknown) => Uint8Array): unknown
}

const list = (json: unknown): unknown[] => {
  if (Array.isArray(json)) return json
  throw new Error('a list is missing')
}
const pairs: Written = {
  encode: (content: [unknown, unknown][], inner) => content.map(([key, value]) => [inner(key), inner(value)]),
  decode: (json, inner) =>
    list(json).map((pair) =>
      list(pair)
        .slice(0, 2)
        .map((one) => inner(one)),
    ),
}
const several: Written = {
  encode: (content: unknown[], inner) => content.map(inner),
  decode: (json, inner) => list(json).map((one, i) => inner(one, `[${i}]`)),
}

const written: { readonly [kind: string]: Written } = {
  object: {
    encode: (content: [string, unknown][], inner) => content.map(([name, value]) => [name, inner(value)]),
    decode: (json, inner) =>
      list(json).map((pair) => {
        const [name, value] = list(pair)
        if (typeof name !== 'string' || name === '__proto__') throw new Error(`the name ${String(name)}`)
        return [name, inner(value, `.${name}`)]
      }),
  },
  array: several,
  set: several,
  map: pairs,
  date: { encode: (content) => content, decode: Number },
  typed: {
    encode: (content: Typed, _, put) => [content.constructor.name, put(content)],
    decode: (json, _, get) => {
      const [name, at] = list(json)
      return numbersOf(name, get(at))
    },
  },
  tensor: {
    encode: ({ shape, dtype, values }: TensorContent, _, put) => [shape, dtype, put(values)],
    decode(json, _, get): TensorContent {
      const [shape, dtype, at] = list(json)
      const Array = { float32: 'Float32Array', int32: 'Int32Array', bool: 'Uint8Array' }[dtype as string]
      const values = numbersOf(Array, get(at)) as unknown as TensorContent['values']
      const sizes = list(shape) as number[]
      if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 0))
        throw new Error('a shape that is none')
      if (sizes.reduce((a, b) => a * b, 1) !== values.length)
        throw new Error('a tensor with other values than its shape has')
      return { id: undefined, shape: sizes, dtype: dtype as TensorContent['dtype'], values }
    },
  },
  kept: {
    encode: (content: KeptContent, inner, _, { live }) =>
      inner(
        'encoded' in content ? content.encoded : takenOf((live as Keepable).encode(content.snapshot)).root,
      ),
    decode: (json, inner) => ({ encoded: inner(json) }),
  },
}

function numbersOf(name: unknown, bytes: Uint8Array): Typed {
  const Kind = Object.hasOwn(typedArrays, String(name)) ? typedArrays[String(name)] : undefined
  if (!Kind) throw new Error(`an array of the type ${String(name)}`)
  return new Kind(bytes.slice().buffer) as Typed
}

/** What was taken, as JSON; numbers in arrays go to `put`. */
export function encodeTaken({ root }: Taken, put: Arrays['put']): Json {
  const numbers = new Map<Node, number>()
  const encode = (saved: unknown): Json => {
    if (saved === undefined) return ['undefined', null]
    if (typeof saved === 'bigint') return ['bigint', String(saved)]
    if (!isNode(saved)) return saved as Json
    const known = numbers.get(saved)
    if (known !== undefined) return ['again', known]
    numbers.set(saved, numbers.size)
    return [saved.kind.name, written[saved.kind.name]!.encode(saved.content, encode, put, saved)]
  }
  return encode(root)
}

/** @throws Error that says what is wrong: the file may be a stranger's. */
export function decodeTaken(json: unknown, get: Arrays['get']): Taken {
  const nodes: Node[] = []
  const bytesAt = (at: unknown): Uint8Array => {
    const bytes = get(at as number)
    if (bytes) return bytes
    throw new Error(`no array ${String(at)}`)
  }
  const decode = (one: unknown, path = ''): unknown => {
    if (!Array.isArray(one)) {
      if (typeof one === 'object' && one !== null) throw new Error('an object where a value should be')
      return one
    }
    const [name, content] = one as unknown[]
    if (name === 'undefined') return undefined
    if (name === 'bigint') return BigInt(content as string)
    if (name === 'again') {
      const node = nodes[content as number]
      if (node) return node
      throw new Error(`an object ${String(content)} that comes later`)
    }
    const kind: Kind | undefined = kinds.find((row) => row.name === name)
    if (!kind) throw new Error(`a value of the kind ${String(name)}`)
    const node: Node = { kind, path, live: undefined, content: undefined }
    nodes.push(node)
    node.content = written[kind.name]!.decode(content, (inner, at = '') => decode(inner, path + at), bytesAt)
    return node
  }
  return { root: decode(json) }
}
