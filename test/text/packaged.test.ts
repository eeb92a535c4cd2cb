import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { brown, mobyDick, stateOfTheUnion, type Corpus } from '../../src/text/index.js'
import { withoutTags } from '../../src/text/corpora/packaged.js'
import { filesOfTar } from '../../src/text/corpora/tar.js'
import { gradbook, long, runProgram, temporaryFolder } from '../kit/index.js'

const folder = temporaryFolder()

describe('texts that packages carry', () => {
  it('are read of the archive that npm packs', async () => {
    const own = join(folder, 'own')
    const name = `a/${'long'.repeat(20)}`
    mkdirSync(join(own, 'a', 'long'.repeat(20)), { recursive: true })
    writeFileSync(join(own, 'package.json'), '{"name":"own","version":"1.0.0"}')
    writeFileSync(join(own, name, 'x.txt'), 'é'.repeat(300))
    writeFileSync(join(own, 'empty.txt'), '')
    const { code } = await runProgram('npm', ['pack', own, '--pack-destination', folder, '--offline'], {
      folder,
    })
    expect(code).toBe(0)
    const { readFileSync } = await import('node:fs')
    const tar = gunzipSync(readFileSync(join(folder, 'own-1.0.0.tgz')))
    const files = Object.fromEntries(
      [...filesOfTar(tar, 'own')].map((file) => [file.name, new TextDecoder().decode(file.bytes)]),
    )
    expect(files[`package/${name}/x.txt`]).toBe('é'.repeat(300))
    expect(files['package/empty.txt']).toBe('')
    expect(() => [...filesOfTar(tar.subarray(0, 700), 'own')]).toThrow(/no whole tar archive/)
    const hostile = Buffer.from(tar)
    hostile.write('77777777777', 124)
    expect(() => [...filesOfTar(hostile, 'own')]).toThrow(/at byte 0/)
  })

  it('lose their tags', () => {
    const tagged =
      "\n\n\tThe/at jury/nn said/vbd ,/, ``/`` no/at evidence/nn ''/'' ./.\n\n\n\t(/( 1/2/cd )/) \n"
    expect(withoutTags(tagged)).toBe('The jury said, “no evidence”.\n\n(1/2)')
  })

  it('say how to get them', () => {
    const before = process.env.GRADBOOK_CACHE
    process.env.GRADBOOK_CACHE = join(folder, 'cache')
    try {
      expect(() => mobyDick()).toThrow(/npx gradbook fetch moby-dick/)
      mkdirSync(join(folder, 'cache', 'texts'), { recursive: true })
      writeFileSync(join(folder, 'cache', 'texts', 'datasets-moby-dick-0.2.3.tgz'), gzipSync('other'))
      return expect(mobyDick().text()).rejects.toThrow(/which is damaged/)
    } finally {
      process.env.GRADBOOK_CACHE = before
    }
  })

  it.runIf(long)('are fetched and read', { timeout: 300_000 }, async () => {
    const cache = join(folder, 'fetched')
    for (const what of ['moby-dick', 'sotu', 'brown']) {
      const { code, stderr } = await gradbook(['fetch', what], { env: { GRADBOOK_CACHE: cache } })
      expect(stderr).not.toMatch(/error/i)
      expect(code).toBe(0)
    }
    process.env.GRADBOOK_CACHE = cache
    const all = async (corpus: Corpus) => {
      const found: { name: string; text: string }[] = []
      for await (const document of corpus) found.push(document)
      return found
    }
    const chapters = await all(mobyDick())
    expect(chapters.length).toBe(135)
    expect(chapters[0]!.text).toMatch(/^CHAPTER 1\. Loomings\.\s+Call me Ishmael\./)
    expect(chapters[134]!.name).toBe('chapter_135.txt')
    const speeches = await all(stateOfTheUnion())
    expect(speeches.length).toBe(233)
    expect(speeches.reduce((sum, { text }) => sum + text.length, 0)).toBeGreaterThan(10e6)
    const texts = await all(brown())
    expect(texts.length).toBe(500)
    expect(texts[0]!.text).toMatch(
      /^The Fulton County Grand Jury said Friday an investigation of Atlanta's recent/,
    )
    expect(texts.every(({ text }) => !/\w\/(?!or\b)[a-z]{2}\b/.test(text.slice(0, 2000)))).toBe(true)
  })
})
