/** What is done in the panel, as code: a cell that does the same again when its notebook is run from the start. */
import { maybeHost, type CellInfo } from '../host.js'
import { coreOf, type Run } from '../train/run/run.js'
import type { Adjustment } from '../views.js'
import { literal, quoted, variableName } from './literal.js'
import type { Action, Step as TheStep } from './protocol.js'

/** The id of the run is for who tells of it. */
type Step = Omit<TheStep, 'id'>

/** How a run stood before it was acted upon, or stands after it. */
interface Stand {
  iteration: number
  adjustments: readonly Adjustment[]
}
export const standOf = ({ iteration, adjustments }: Run): Stand => ({ iteration, adjustments })

/** What is known of a step while its reason may still come. */
interface Written {
  key: string
  added: readonly Adjustment[]
  write(why: string | undefined): string
  above: string | undefined
}

export class Steps {
  /** By run: the cell that made it. */
  readonly #made = new WeakMap<Run, CellInfo | undefined>()
  /** Variables that steps have declared. */
  readonly #called = new WeakMap<Run, string>()
  readonly #declared = new Set<string>()
  readonly #last = new WeakMap<Run, Written>()

  /** News of a run: the first come in the cell that makes it. */
  follow(run: Run): void {
    if (!this.#made.has(run)) this.#made.set(run, maybeHost()?.cell)
  }

  /**
   * The code of what was done; undefined where the run stands as it did.
   *
   * @param twin the branch, where one was made.
   */
  of(
    key: string,
    run: Run,
    action: Action,
    { before, twin, byPanel }: { before: Stand; twin?: Run | undefined; byPanel: boolean },
  ): Step | undefined {
    const added = run.adjustments.slice(before.adjustments.length)
    const { name, lines } = this.#reach(run)
    const write = (code: string): Step => ({
      key,
      run: run.name,
      at: before.iteration,
      code: [...lines, code].join('\n'),
    })
    switch (action.action) {
      case 'train': {
        const made = run.iteration - before.iteration
        return made > 0 ? write(`await ${name}.iterate(${made})`) : undefined
      }
      case 'undo':
      case 'redo':
        return write(`await ${name}.${action.action}()`)
      case 'goTo':
        return write(`await ${name}.goTo(${action.iteration})`)
      case 'branch': {
        if (!twin) return undefined
        const called = this.#call(twin)
        const make = `const ${called} = ${name}.branch(${quoted(twin.name)})`
        const at = action.at ?? before.iteration
        return write(
          at === before.iteration ? make : `await ${name}.goTo(${at})\n${make}\nawait ${name}.undo()`,
        )
      }
      case 'set':
      case 'exclude':
      case 'relabel': {
        if (added.length === 0) return undefined
        const written = this.#adjustment(key, run, action, { added, name, lines, byPanel })
        this.#last.set(run, written)
        return this.#step(run, written, before.iteration, added[0]!.why)
      }
      default:
        return undefined
    }
  }

  /** Gives the last change of a run made here its reason; the step that it is from now on. */
  explain(run: Run, why: string): Step | undefined {
    const last = this.#last.get(run)
    for (const adjustment of last?.added ?? run.adjustments.slice(-1)) run.explain(why, adjustment)
    return last && this.#step(run, last, last.added[0]!.at, why)
  }

  #step(run: Run, { key, write, above }: Written, at: number, why: string | undefined): Step {
    return { key, run: run.name, at, code: write(why), ...(above !== undefined && { above }) }
  }

  #adjustment(
    key: string,
    run: Run,
    action: Extract<Action, { action: 'set' | 'exclude' | 'relabel' }>,
    {
      added,
      name,
      lines,
      byPanel,
    }: { added: readonly Adjustment[]; name: string; lines: readonly string[]; byPanel: boolean },
  ): Written {
    const call = (why: string | undefined): string => {
      const reason = why === undefined ? '' : `, { why: ${quoted(why)} }`
      if (action.action === 'set') return `${name}.set(${literal(action.changes)}${reason})`
      if (action.action === 'exclude') return `${name}.exclude(${literal(action.ids)}${reason})`
      const { label } = added[0]!.to as { label: unknown }
      return `${name}.relabel(${action.example}, ${literal(label)}${reason})`
    }
    const joined = (...code: string[]): string => [...lines, ...code].join('\n')
    if (run.state !== 'training') return { key, added, above: undefined, write: (why) => joined(call(why)) }
    // In the middle of a call: planned before it, it is made at the same iteration again.
    const planned = (why: string | undefined): string =>
      `${name}.replay(${literal(added.map(({ why: _, ...one }) => ({ ...one, ...(why !== undefined && { why }) })))})`
    if (byPanel) return { key, added, above: undefined, write: (why) => joined(planned(why)) }
    const trains = coreOf(run)?.trainedIn
    if (trains?.id !== undefined && this.#made.get(run)?.id !== trains.id)
      return { key, added, above: trains.id, write: (why) => joined(planned(why)) }
    const at = added[0]!.at
    return {
      key,
      added,
      above: undefined,
      write: (why) =>
        joined(
          `// It was made at iteration ${at}, within the cell that makes the run and trains it; here it comes after that.`,
          '// To have it there again: train in a cell of its own, and before it',
          `// ${planned(why)}`,
          call(why),
        ),
    }
  }

  /** How a cell reaches a run: by the variable that has it, else by its name. */
  #reach(run: Run): { name: string; lines: readonly string[] } {
    for (const [name, value] of maybeHost()?.names?.() ?? []) if (value === run) return { name, lines: [] }
    const called = this.#called.get(run)
    if (called !== undefined) return { name: called, lines: [] }
    return { name: `findRun(${quoted(run.name)})`, lines: ["import { findRun } from 'gradbook'"] }
  }

  /** A variable for a branch that no cell has one for. */
  #call(run: Run): string {
    const taken = new Set(this.#declared)
    for (const [name] of maybeHost()?.names?.() ?? []) taken.add(name)
    const name = variableName(run.name, taken)
    this.#declared.add(name)
    this.#called.set(run, name)
    return name
  }
}
