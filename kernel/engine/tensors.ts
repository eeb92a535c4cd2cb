/**
 * TensorFlow.js counts how deep it is in `tidy`, in a gradient and in a kernel. A cell whose JavaScript is terminated never
 * counts down again: every later operation would then be recorded for a gradient that nobody takes.
 */

/** The part of tfjs-core's engine state that this puts right (tfjs-core 4.22, engine.ts). */
interface EngineState {
  gradientDepth: number
  kernelDepth: number
  activeTape: unknown
  scopeStack: unknown[]
  activeScope: unknown
}

function maybeState(): EngineState | undefined {
  return (globalThis as { _tfengine?: { state?: EngineState } })._tfengine?.state
}

/** Remembers the depth now; the returned function goes back to it. */
export function markTensorScopes(): () => void {
  const depth = maybeState()?.scopeStack.length ?? 0
  return () => {
    const state = maybeState()
    if (!state) return
    state.gradientDepth = 0
    state.kernelDepth = 0
    state.activeTape = null
    if (state.scopeStack.length > depth) state.scopeStack.length = depth
    state.activeScope = state.scopeStack.at(-1) ?? null
  }
}
