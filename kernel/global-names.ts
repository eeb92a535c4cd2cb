/** The names that every cell has without importing or declaring them. */
export const globalNames = [
  'display',
  'html',
  'markdown',
  'latex',
  'svg',
  'clearOutput',
  'prompt',
  'confirm',
  'host',
] as const
export type GlobalName = (typeof globalNames)[number]
