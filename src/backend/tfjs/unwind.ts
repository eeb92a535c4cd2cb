/**
 * What tfjs's engine counts up and down around `tidy`, gradients and kernels. Where JavaScript was ended in between it never
 * counts down: every later operation would be recorded for a gradient that nobody takes, and no tensor would end. Loads nothing,
 * so that a kernel can call it before there is a tfjs.
 */

interface Tracked {
  kept: boolean
  isDisposed: boolean
  dispose(): void
}

interface Scope {
  track: Tracked[]
}

/** The part of tfjs-core's engine state that this puts right (tfjs-core 4.22, engine.ts). */
interface EngineState {
  gradientDepth: number
  kernelDepth: number
  activeTape: { saved?: Tracked[] }[] | null
  scopeStack: Scope[]
  activeScope: Scope | null
  numDataMovesStack: number[]
  profiling: boolean
}

function maybeState(): EngineState | undefined {
  return (globalThis as { _tfengine?: { state?: EngineState } })._tfengine?.state
}

/** One that cannot end, half made as it is, does not keep the others from it. */
function dispose(tensor: Tracked): void {
  try {
    if (!tensor.isDisposed) tensor.dispose()
  } catch {
    // Nothing can be done for it.
  }
}

/**
 * Remembers where the engine stands; the returned function goes back there: scopes that were opened since end with their
 * tensors, and so does the tape of a gradient with what it saved. It does nothing where all of them have ended by themselves.
 */
export function markEngine(): () => void {
  const before = maybeState()
  const { gradientDepth = 0, kernelDepth = 0, activeTape = null, profiling = false } = before ?? {}
  const scopes = before?.scopeStack.length ?? 0
  const moves = before?.numDataMovesStack.length ?? 0
  return () => {
    const state = maybeState()
    if (!state) return
    const { activeTape: tape } = state
    state.gradientDepth = gradientDepth
    state.kernelDepth = kernelDepth
    // The tape of a gradient around this one is not this one's to end.
    if (gradientDepth === 0 && tape && tape !== activeTape) {
      for (const { saved } of tape) saved?.forEach(dispose)
      state.activeTape = activeTape
    }
    while (state.scopeStack.length > scopes) {
      for (const tensor of state.scopeStack.at(-1)!.track) if (!tensor.kept) dispose(tensor)
      state.scopeStack.pop()
    }
    state.activeScope = state.scopeStack.at(-1) ?? null
    if (state.numDataMovesStack.length > moves) state.numDataMovesStack.length = moves
    state.profiling = profiling
  }
}
