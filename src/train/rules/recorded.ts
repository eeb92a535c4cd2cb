/** A rule or an optimizer as plain data: by what it is made, and with which settings. `registry.ts` makes it again. */
export interface Recorded {
  readonly name: string
  readonly settings: { readonly [name: string]: unknown }
}

export function recordOf({ name, settings }: Recorded): Recorded {
  return { name, settings }
}
