import { expect, test } from 'vitest'
import { maybeText } from '../../../kernel/engine/io/values.js'
import { toJson, Written } from '../../../kernel/json.js'

const said = { a: 1, text: 'line\n"quoted" \\ud800 ▁▂', nested: [{ x: 0.5 }] }

test('what is written already is put in as it is, and stands for what it says where it lies deeper', () => {
  const data = new Written(JSON.stringify(said))
  const content = { data, metadata: {}, transient: { display_id: 'd' } }
  expect(toJson(content)).toContain(data.text)
  expect(JSON.parse(toJson(content))).toEqual({ ...content, data: said })
  expect(JSON.parse(toJson({ outputs: [{ data }] }))).toEqual({ outputs: [{ data: said }] })
})

test('a bigint is its digits, half a surrogate pair U+FFFD, and a circle an error', () => {
  expect(toJson({ big: 2n ** 70n, half: '\ud800' })).toBe('{"big":"1180591620717411303424","half":"\ufffd"}')
  const circle: { self?: object } = {}
  circle.self = circle
  expect(() => toJson(circle)).toThrow(TypeError)
})

test('what is shown again and again crosses as text, unless it has bytes or a circle in it', () => {
  const circle: { self?: object } = {}
  circle.self = circle
  const text = (data: { [mime: string]: unknown }, live = true) => maybeText({ data, metadata: {}, live })
  expect(JSON.parse(text({ 'text/plain': said.text, 'application/json': said })!.json)).toEqual({
    'text/plain': said.text,
    'application/json': said,
  })
  expect(text({ 'text/plain': 'once' }, false)).toBeUndefined()
  expect(text({ 'image/png': new Uint8Array(3) })).toBeUndefined()
  expect(text({ 'application/json': circle })).toBeUndefined()
})
