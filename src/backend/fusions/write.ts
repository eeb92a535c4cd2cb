import { emitters } from '../emitters/index.js'
import type { Emit } from '../emitters/kernel.js'
import { fusions } from './index.js'
import type { Fusion } from './fusion.js'
import type { Call, KernelGraph } from './kernel-graph.js'

const byKernel = new Map<string, readonly Fusion[]>(
  fusions.map(({ kernel }) => [kernel, fusions.filter((one) => one.kernel === kernel)]),
)

const none: readonly Fusion[] = []

/** Writes a call: as the end of a pattern where it is one, else by the row of its kernel; `undefined` where neither can. */
export function writeCall(g: KernelGraph, call: Call): ReturnType<Emit> {
  const { kernel, inputs, attributes } = call
  let made: ReturnType<Emit>
  for (const fusion of byKernel.get(kernel) ?? none) if ((made = fusion.write(call, g))) break
  made ??= emitters[kernel]!(inputs, attributes, g)
  if (made && 'name' in made) g.remember(made, call)
  return made
}
