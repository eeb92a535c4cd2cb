import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { gradbook, temporaryFolder } from '../../kit/index.js'

const story = `import { adamw, loadRun, train } from 'gradbook'
import { byteTokenizer, conversations, curves, dpo, gpt, judge, preferences, presets } from 'gradbook/text'
const tokenizer = byteTokenizer({ special: ['<|im_start|>', '<|im_end|>'] })
const talks = [['hours', 'When?', 'From nine to five.'], ['place', 'Where?', 'Over there.']].map(([id, question, answer]) => ({
  id: id!,
  messages: [{ role: 'user', content: question! }, { role: 'assistant', content: answer! }],
}))
const { train: data } = conversations(talks, tokenizer, { context: 80, split: 1, packing: 'none' })
const makeModel = () => gpt({ ...presets.tiny, layers: 1, context: 96, vocabulary: tokenizer.size, seed: 1 })
const model = makeModel()
const run = train(model, { data, batchSize: 2, seed: 1, optimizer: adamw({ learningRate: 3e-3 }), name: 'talks', progress: false })
await run.iterate(2)
// %%
run.correct('hours', 'From ten to six.', { why: 'wrong' })
const side = run.branch('side')
await side.iterate(1)
await run.iterate(1)
await run.save()
// %%
const again = await loadRun('talks', { model: makeModel(), data })
const kept = again.adjustments.at(-1)!
await again.iterate(1)
await run.iterate(1)
console.log(JSON.stringify({
  kept: kept.to,
  disk: again.history.at(-1)!.loss === run.history.at(-1)!.loss,
  branch: side.history.at(-1)!.loss === run.history.at(-2)!.loss,
}))
// %%
const before = run.iteration
const judging = judge([
  { prompt: 'When?', answers: ['At ten.', 'Hm?'] },
  { prompt: 'Where?', answers: ['There.', 'Why?'] },
], { by: 'Anna' })
judging.choose('left').choose('both bad', { better: 'Next door.' })
const judged = await preferences(judging.pairs, tokenizer, { context: 48, end: '<|im_end|>', reference: model })
run.stage({ name: 'judged', model: dpo(model), data: judged }, { why: 'by Anna' })
await run.iterate(3)
const margins = run.history.slice(-3).map((row) => (row as unknown as { margin: number }).margin)
const panels = curves(run).panels.map(({ title }) => title)
// %%
await run.undo()
console.log(JSON.stringify({ pairs: judged.length, margins, panels, back: run.iteration === before, stages: run.stages.length }))
// %%
await run.undo()
await run.undo()
console.log(JSON.stringify({ at: run.iteration, adjustments: run.adjustments.length }))
`

it('in a notebook answers are corrected, judged, learned from and taken back', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'story.ts')
  writeFileSync(file, story)
  const { code, stdout, stderr } = await gradbook(['run', file], { folder })
  expect(code, stdout + stderr).toBe(0)
  const [kept, judged, first] = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { [name: string]: unknown }) as [object, { margins: number[] }, object]
  expect(kept).toEqual({ kept: { id: 'hours', answer: 'From ten to six.' }, disk: true, branch: true })
  expect(judged).toMatchObject({ pairs: 3, back: true, stages: 0 })
  expect(judged.margins[0]).toBe(0)
  expect(judged.margins.at(-1)).toBeGreaterThan(0)
  expect(judged).toHaveProperty('panels', expect.arrayContaining(['margin', 'reward']))
  expect(first).toEqual({ at: 2, adjustments: 0 })
}, 300_000)
