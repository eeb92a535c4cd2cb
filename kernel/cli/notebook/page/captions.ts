/** What an author writes of an output, in the lines of options that Quarto and MyST read: `#| fig-cap: …`. */
const option = /^(?:\/\/|#)\|\s*([\w-]+):\s*(.*?)\s*$/

const bare = (text: string): string => text.replace(/^(["'])(.*)\1$/, '$2')

export interface Shown {
  /** The code without its options. */
  source: string
  caption: string | undefined
  /** What stands in for a picture. */
  alt: string | undefined
  /** `label: fig-loss`: what links go to. */
  label: string | undefined
}

export function readOptions(cell: { source: string; metadata: Record<string, unknown> }): Shown {
  const lines = cell.source.split('\n')
  const values: { [name: string]: string } = {}
  let count = 0
  for (const line of lines) {
    const found = option.exec(line)
    if (!found) break
    values[found[1]!] = bare(found[2]!)
    count++
  }
  const text = (...names: string[]): string | undefined => {
    for (const name of names) {
      const value: unknown = values[name] ?? cell.metadata[name]
      if (typeof value === 'string' && value.trim() !== '') return value
    }
    return undefined
  }
  return {
    source: lines.slice(count).join('\n'),
    caption: text('fig-cap', 'tbl-cap', 'caption'),
    alt: text('fig-alt', 'alt'),
    label: text('label'),
  }
}
