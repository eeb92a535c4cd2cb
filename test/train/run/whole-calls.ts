/** What calls nothing of the user's: each call has happened or has not, wherever it is stopped. */
export interface WholeCall {
  /** One call, or one after the other in turn, in which `i` counts them. It may await. */
  code: string
  /** Whether it awaits. */
  waits?: boolean
  /** What is true once it was stopped, in the kernel. */
  also?: string
  /** Whether each call makes something that the caller keeps: where it was stopped before it got that, it is nobody's. */
  keeps?: boolean
  /** Whether only what comes next shows that it has happened. */
  shows?: 'later'
  /** The kind of run it is for; else both. */
  kind?: 'layers' | 'own'
}

const turns = (...calls: string[]): string =>
  calls.map((call, at) => `${at > 0 ? 'else ' : ''}if (i % ${calls.length} === ${at}) ${call}`).join('\n')

/** By method. */
export const wholeCalls: { readonly [method: string]: readonly WholeCall[] } = {
  set: [
    {
      code: 'run.set({ learningRate: 0.01 + i / 1e5, clipNorm: 1 + i, batchSize: 5 + (i % 3), evaluateEvery: 3 + (i % 4) })',
    },
    {
      code: turns(
        'run.set({ freeze: [run.parameters[0]] })',
        'run.set({ freeze: null, ema: 0.8 })',
        'run.set({ optimizer: adam({ learningRate: 0.01 }) })',
      ),
      kind: 'layers',
    },
  ],
  stage: [
    { code: 'run.stage({ name: `stage ${i}`, learningRate: 0.01 + i / 1e5, batchSize: 5 + (i % 3) })' },
    {
      code: turns(
        'run.stage({ name: `stage ${i}`, data: { x: Array.from({ length: 30 }, (_, at) => [at / 30, i / (at + 1)]), y: Int32Array.from({ length: 30 }, (_, at) => at % 2) } })',
        'await run.undo()',
      ),
      waits: true,
    },
  ],
  note: [{ code: 'run.note(`note ${i}`)' }],
  explain: [{ code: turns('run.note(`note ${i}`)', 'run.explain(`reason ${i}`)') }],
  replay: [
    {
      code: `run.replay([{ at: run.iteration + 2, what: 'learningRate', from: 0.02, to: 0.01 + i / 1e5 }])`,
      shows: 'later',
    },
  ],
  exclude: [{ code: 'run.exclude([i % 30, (i * 7) % 30])' }],
  include: [{ code: turns('run.exclude([1, 2, 3])', 'run.include([1, 3])') }],
  reweight: [{ code: 'run.reweight([i % 40, 3], i % 2 ? 0.5 : 2)' }],
  relabel: [{ code: 'run.relabel((i * 3) % 40, i % 2)' }],
  correct: [{ code: `run.correct((i * 3) % 40, 'x'.repeat(1 + (i % 2)))` }],
  focus: [{ code: turns('await run.focus([1, 2, 3, 4, 5, 6, 7, 8])', 'await run.focus(null)'), waits: true }],
  undo: [
    { code: turns('run.set({ learningRate: 0.01 + i / 1e5 })', 'await run.undo()'), waits: true },
    {
      code: turns(
        'run.reweight([1, 2], 2)',
        'await run.undo()',
        'await run.undo()',
        'await run.redo()',
        'await run.redo()',
      ),
      waits: true,
    },
  ],
  redo: [{ code: turns('await run.undo()', 'await run.redo()'), waits: true }],
  goTo: [
    { code: turns(`await run.goTo('nine')`, `await run.goTo('four')`, 'await run.undo()'), waits: true },
  ],
  fresh: [{ code: turns('await run.fresh()', 'await run.undo()'), waits: true }],
  apply: [{ code: 'await run.apply(gradients[run === twin ? 1 : 0])', waits: true }],
  keep: [{ code: 'run.keep(`kept ${i % 5}`)', also: 'await isLoadable(run)' }],
  emaModel: [{ code: 'models.push(run.emaModel())', keeps: true }],
  branch: [{ code: 'branches.push(run.branch(`branch ${i}`))', kind: 'own', keeps: true }],
  save: [
    {
      code: 'if (run !== twin) await run.save(copy, { overwrite: true })',
      waits: true,
      also: `await isLoadable(run, copy)`,
    },
    {
      code: 'if (run !== twin) await run.save()',
      waits: true,
      kind: 'layers',
      also: 'calls === 0 || (await isOwnLoadable(run, true))',
    },
  ],
  exportCsv: [
    {
      code: `if (run !== twin) await run.exportCsv(copy + '.csv')`,
      waits: true,
      also: `await isExported(run, 'exportCsv', copy + '.csv')`,
    },
  ],
  exportParquet: [
    {
      code: `if (run !== twin) await run.exportParquet(copy + '.parquet')`,
      waits: true,
      also: `await isExported(run, 'exportParquet', copy + '.parquet')`,
    },
  ],
  exportTensorBoard: [
    { code: `if (run !== twin) await run.exportTensorBoard(copy + ' board')`, waits: true },
  ],
}
