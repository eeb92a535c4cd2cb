import { colours } from './look.js'
import type { Part } from './spec.js'

/** A field that says a place in pixels. */
export const pixels = (field: string): Part => ({ field, type: 'quantitative', scale: null, axis: null })

/**
 * What an axis of places (0, 1, …) is labelled with, as Vega's expression: the text of each. So two that are named alike stay
 * two, and no text is taken for a number or a date.
 */
export const labelsOf = (texts: readonly (string | number)[]): string =>
  `[${texts.map((text) => JSON.stringify(text)).join(',')}][datum.value]`

/** A row for each name, from top to bottom, by the field `place`. */
export const namedRows = (names: readonly string[]): Part => ({
  field: 'place',
  type: 'ordinal',
  title: null,
  axis: { labelExpr: labelsOf(names), labelColor: colours.ink, ticks: false, domain: false },
})
