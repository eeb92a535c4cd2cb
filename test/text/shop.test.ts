import { describe, expect, it } from 'vitest'
import { ask, shop, smolLM2 } from '../../src/text/index.js'
import { long } from '../kit/index.js'

const data = await shop()
const { intents, conversations, heldOut, dialogues, controls, preferences } = data
const words = (text: string) => text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? []
const asked = (messages: readonly { role: string; content: string }[]) =>
  messages.filter(({ role }) => role === 'user').map(({ content }) => content)

/** Every five words in a row. */
function fives(texts: readonly string[]): Set<string> {
  const found = new Set<string>()
  for (const text of texts) {
    const all = words(text)
    for (let i = 0; i + 5 <= all.length; i++) found.add(all.slice(i, i + 5).join(' '))
  }
  return found
}

const isRight = (answer: string, { contains, pattern }: { contains?: readonly string[]; pattern?: string }) =>
  (contains ?? []).every((part) => answer.toLowerCase().includes(part.toLowerCase())) &&
  (pattern === undefined || new RegExp(pattern, 'i').test(answer))

describe('the conversations of the shop', () => {
  it('are of at least 40 intents, twelve phrasings each, all different', () => {
    expect(intents.filter(({ refuse }) => !refuse)).toHaveLength(40)
    expect(intents.filter(({ refuse }) => refuse)).toHaveLength(4)
    for (const { phrasings } of intents) expect(phrasings).toHaveLength(12)
    const all = intents.flatMap(({ phrasings }) => phrasings.map((text) => words(text).join(' ')))
    expect(new Set(all).size).toBe(528)
  })

  it('are written out: no two phrasings of an intent are one sentence with a word exchanged', () => {
    for (const { name, phrasings } of intents)
      for (const [i, one] of phrasings.entries())
        for (const other of phrasings.slice(i + 1)) {
          const [a, b] = [words(one), words(other)]
          const equal = a.filter((word, place) => word === b[place]).length
          const alike = a.length === b.length && a.length > 4 && equal >= a.length - 1
          expect(alike, `${name}: ${one} / ${other}`).toBe(false)
        }
  })

  it('have one right answer for each intent, told from all others by what it contains', () => {
    expect(new Set(intents.map(({ answer }) => answer)).size).toBe(44)
    for (const one of intents)
      for (const other of intents) expect(isRight(other.answer, one), other.answer).toBe(one === other)
  })

  it('alternate between customer and assistant, and end with the assistant', () => {
    expect(conversations).toHaveLength(528 + 35)
    expect(new Set(conversations.map(({ id }) => id)).size).toBe(conversations.length)
    for (const { messages } of conversations) {
      expect(messages[0]!.role).toBe('system')
      for (const [i, { role, content }] of messages.slice(1).entries()) {
        expect(role).toBe(i % 2 === 0 ? 'user' : 'assistant')
        expect(content).not.toBe('')
      }
      expect(messages.at(-1)!.role).toBe('assistant')
    }
    expect(conversations.filter(({ messages }) => messages.length > 3).length).toBeGreaterThan(30)
    expect(conversations.filter(({ refuse }) => refuse)).toHaveLength(48 + 4)
  })

  it('begin with what one says the assistant is, or with nothing', async () => {
    const { conversations: bare } = await shop({ system: null })
    expect(bare[0]!.messages[0]!.role).toBe('user')
    const { heldOut: own } = await shop({ system: 'Be brief.' })
    expect(own[0]!.messages[0]).toEqual({ role: 'system', content: 'Be brief.' })
    await expect(shop({ system: '' })).rejects.toThrow(/null for none/)
  })
})

describe('what is held out', () => {
  const learned = conversations.flatMap(({ messages }) => asked(messages))

  it('is 60 paraphrases of all intents, none with five words in a row of what is learned from', () => {
    expect(heldOut).toHaveLength(60)
    expect(new Set(heldOut.map(({ intent }) => intent)).size).toBe(44)
    const known = fives(learned)
    const questions = heldOut.flatMap(({ messages }) => asked(messages))
    expect(new Set(questions).size).toBe(60)
    for (const five of fives(questions)) expect(known.has(five), five).toBe(false)
    for (const question of heldOut) expect(isRight(question.answer, question)).toBe(true)
  })

  it('is 20 dialogues whose last turn alone does not say what a right answer has', () => {
    expect(dialogues).toHaveLength(20)
    const known = fives(learned)
    for (const { messages, answer, ...right } of dialogues) {
      const turns = asked(messages)
      expect(turns.length).toBeGreaterThan(1)
      expect(messages.at(-1)!.role).toBe('user')
      expect(isRight(answer, right), answer).toBe(true)
      expect(isRight(turns.at(-1)!, right), turns.at(-1)).toBe(false)
      for (const five of fives(turns)) expect(known.has(five), five).toBe(false)
    }
  })

  it('is 40 general questions with what a right answer has', () => {
    expect(controls).toHaveLength(40)
    for (const { messages, answer, pattern } of controls) {
      expect(messages).toHaveLength(1)
      expect(isRight(answer, { pattern: pattern! }), answer).toBe(true)
      expect(isRight(messages[0]!.content, { pattern: pattern! })).toBe(false)
    }
  })
})

it.runIf(long)(
  'SmolLM2 answers the control questions before it is tuned, and none of the shop’s',
  async () => {
    const { model, tokenizer, template } = await smolLM2({ context: 256 })
    const options = { template: template!, tokens: 40 }
    const general = await ask(model, tokenizer, controls, options)
    expect(general.right).toBeGreaterThanOrEqual(0.95)
    expect((await ask(model, tokenizer, heldOut, options)).right).toBeLessThan(0.1)
  },
  1_200_000,
)

describe('the pairs of answers', () => {
  it('are 200 with prompts of their own, the better the longer in about half', () => {
    expect(preferences).toHaveLength(200)
    expect(new Set(preferences.map(({ prompt }) => prompt.at(-1)!.content)).size).toBe(200)
    const longer = preferences.filter(({ chosen, rejected }) => chosen.length > rejected.length).length
    expect(longer).toBeGreaterThan(80)
    expect(longer).toBeLessThan(120)
    for (const { chosen, rejected } of preferences) expect(chosen).not.toBe(rejected)
  })

  it('ask nothing that is held out', () => {
    const known = fives(heldOut.flatMap(({ messages }) => asked(messages)))
    for (const five of fives(preferences.map(({ prompt }) => prompt.at(-1)!.content)))
      expect(known.has(five), five).toBe(false)
  })
})
