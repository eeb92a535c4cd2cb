/** The names that every cell has without importing them (src/host.ts documents them). */
import type { GlobalName } from '../global-names.js'
import { clearOutput, display, html, latex, markdown, svg, type Host } from '../../src/host.js'

export function installGlobals(host: Host): void {
  const globals: Record<GlobalName, unknown> = {
    display,
    html,
    markdown,
    latex,
    svg,
    clearOutput,
    prompt: host.prompt,
    confirm: host.confirm,
    host,
  }
  for (const [name, value] of Object.entries(globals))
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true, enumerable: false })
  console.clear = () => clearOutput()
}
