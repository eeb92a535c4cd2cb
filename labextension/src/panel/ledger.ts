/**
 * What was done in the panel, on its way into the notebook: as a cell, or, until it is one, as an entry in the notebook's
 * metadata, so that a page made of the notebook can say what its cells do not.
 */
import { NotebookActions, type Notebook } from '@jupyterlab/notebook'
import { Signal, type ISignal } from '@lumino/signaling'
import type { RunSummary, Step } from '../../../src/panel/protocol.js'

const key = 'gradbook:changes-as-cells'

/** Whether each change becomes a cell as it is made; kept in the browser. A browser that keeps nothing begins with no. */
export class Always {
  readonly #changed = new Signal<this, void>(this)
  #on = false

  constructor() {
    try {
      this.#on = localStorage.getItem(key) === 'true'
    } catch {}
  }

  get changed(): ISignal<this, void> {
    return this.#changed
  }
  get on(): boolean {
    return this.#on
  }
  set on(on: boolean) {
    this.#on = on
    try {
      localStorage.setItem(key, String(on))
    } catch {}
    this.#changed.emit()
  }
}

/** In the notebook's metadata, under `gradbook`. */
interface Metadata {
  steered?: Step[]
}

export class Ledger {
  readonly #notebook: Notebook
  readonly #always: Always
  readonly #changed = new Signal<this, void>(this)
  /** Id of the cell that ran last, or was inserted here after it: what comes next comes below it. */
  #after: string | undefined
  /** Cells that were inserted, by key, with their text. */
  readonly #inserted = new Map<string, { id: string; code: string }>()

  constructor(notebook: Notebook, always: Always) {
    this.#notebook = notebook
    this.#always = always
    const onExecuted = (
      _: unknown,
      { notebook: where, cell }: { notebook: Notebook; cell: { model: { id: string } } },
    ) => {
      if (where === notebook) this.#after = cell.model.id
    }
    NotebookActions.executed.connect(onExecuted)
    notebook.disposed.connect(() => NotebookActions.executed.disconnect(onExecuted))
  }

  get changed(): ISignal<this, void> {
    return this.#changed
  }

  /** What is in no cell, in the order in which it was done. */
  get steps(): readonly Step[] {
    const kept = this.#notebook.model?.getMetadata('gradbook') as Metadata | undefined
    return Array.isArray(kept?.steered) ? kept.steered : []
  }

  #keep(steps: readonly Step[]): void {
    const { model } = this.#notebook
    if (!model) return
    const { steered: _, ...rest } = (model.getMetadata('gradbook') ?? {}) as Metadata
    const next = steps.length > 0 ? { ...rest, steered: steps } : rest
    if (Object.keys(next).length > 0) model.setMetadata('gradbook', next)
    else model.deleteMetadata('gradbook')
    this.#changed.emit()
  }

  /** Something was done; or its reason was given, which comes with the same key. */
  take(step: Step): void {
    const { steps } = this
    const inserted = this.#inserted.get(step.key)
    if (inserted) this.#rewrite(step, inserted)
    else if (steps.some(({ key }) => key === step.key))
      this.#keep(steps.map((one) => (one.key === step.key ? step : one)))
    else {
      this.#keep([...steps, step])
      if (this.#always.on) this.insert(step.key)
    }
  }

  /** Leaves the cell alone where it was edited meanwhile. */
  #rewrite({ key, code }: Step, { id, code: before }: { id: string; code: string }): void {
    const cell = this.#cells.find((one) => one.id === id)
    if (!cell || cell.sharedModel.getSource() !== before) return
    cell.sharedModel.setSource(code)
    this.#inserted.set(key, { id, code })
  }

  /** Makes it a cell: above the one that trained the run meanwhile, else below what ran last. Run All makes it again; now it is made. */
  insert(key: string): void {
    const step = this.steps.find((one) => one.key === key)
    const { model } = this.#notebook
    if (!step || !model) return
    const { above, code } = step
    const trained = this.#cells.findIndex(({ id }) => id === above)
    const at = trained >= 0 ? trained : this.#end
    const cell = model.sharedModel.insertCell(at, {
      cell_type: 'code',
      source: code,
      metadata: { trusted: true },
    })
    if (trained < 0) this.#after = cell.id
    this.#inserted.set(key, { id: cell.id, code })
    this.#keep(this.steps.filter((one) => one.key !== key))
  }

  insertAll(): void {
    for (const { key } of this.steps) this.insert(key)
  }

  /** What was done to a run is over once the run is made anew. */
  keepOf(runs: readonly RunSummary[]): void {
    const ids = new Set(runs.map(({ id }) => id))
    const names = new Set(runs.map(({ name }) => name))
    const kept = this.steps.filter(({ id, run }) => ids.has(id) || !names.has(run))
    if (kept.length < this.steps.length) this.#keep(kept)
  }

  get #cells() {
    return [...(this.#notebook.model?.cells ?? [])]
  }

  /** The place below the cell that ran last; of a page that was just opened the one with the highest number. */
  get #end(): number {
    const cells = this.#cells
    const known = cells.findIndex(({ id }) => id === this.#after)
    if (known >= 0) return known + 1
    const counts = cells.map((cell) =>
      cell.type === 'code' ? ((cell as { executionCount?: number | null }).executionCount ?? 0) : 0,
    )
    const last = Math.max(0, ...counts)
    return last > 0 ? counts.lastIndexOf(last) + 1 : cells.length
  }
}
