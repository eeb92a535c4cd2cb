/* eslint-disable no-control-regex -- control characters are what is looked for */
import { describe, expect, it } from 'vitest'
import type { MimeBundle } from '../../src/host.js'
import { toBundle } from '../../src/show/index.js'
import { displays, hostile } from './hostile-texts.js'
import { partsOf } from './inside-spec.js'

const built = new URL('../../dist/src/show/index.js', import.meta.url).href
const { addPicture } = (await import(built)) as typeof import('../../src/show/index.js')

const allowedTags =
  /^<\/?(div|p|b|table|thead|tbody|tr|th|td|pre|br|hr|small|del|ins|span)( style="((?!url)[a-z0-9:;\-%.,#() ])*"| dir="auto")?>$|^<table class="table">$/

function problems(bundle: MimeBundle): string[] {
  const found: string[] = []
  for (const tag of String(bundle['text/html'] ?? '').match(/<[^>]*>?/g) ?? [])
    if (!allowedTags.test(tag)) found.push(`tag ${tag.slice(0, 80)}`)
  const texts = [bundle['text/plain'], bundle['text/html']]
  const spec = bundle['application/vnd.vegalite.v5+json']
  if (spec) {
    texts.push(...stringsOf(spec))
    for (const part of partsOf(spec))
      for (const key of ['href', 'url']) if (typeof part[key] === 'string') found.push(`${key} in the spec`)
  }
  for (const text of texts) {
    if (typeof text !== 'string') continue
    if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(text))
      found.push(`control character in ${JSON.stringify(text.slice(0, 80))}`)
    if (/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(text)) found.push('direction mark')
    if (/\p{Surrogate}/u.test(text)) found.push('half a character')
  }
  if (JSON.stringify(bundle).length > 60_000) found.push(`${JSON.stringify(bundle).length} characters`)
  return found
}

function* stringsOf(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value
  else if (value !== null && typeof value === 'object')
    for (const [key, item] of Object.entries(value)) yield* [key, ...stringsOf(item)]
}

describe.each(Object.entries(displays))('%s', (_, view) => {
  it.each(Object.entries(hostile))('shows %s as harmless text of bounded size', (__, text) => {
    const bundle = toBundle(view(text))
    expect(bundle).toBeDefined()
    expect(problems(bundle!)).toEqual([])
    expect(String(bundle!['text/plain'])).not.toContain('could not be shown')
  })

  it('is still drawn with a text that is made to look like code', async () => {
    const drawn = await addPicture(toBundle(view(hostile['an expression']!))!)
    expect(String(drawn['text/plain'])).not.toContain('no picture')
    expect((globalThis as { pwned?: unknown }).pwned).toBeUndefined()
  })
})
