/** The words as they are written: a page has no translations. */
import type { TranslationBundle } from '@jupyterlab/translation'

const fill = (text: string, values: readonly unknown[]): string =>
  text.replace(/%(\d)/g, (whole, index: string) => String(values[Number(index) - 1] ?? whole))

const one = (text: string, ...values: unknown[]): string => fill(text, values)
const many = (single: string, plural: string, count: number, ...values: unknown[]): string =>
  fill(count === 1 ? single : plural, [count, ...values])

export const english: TranslationBundle = {
  __: one,
  _n: many,
  _p: (_context: string, text: string, ...values: unknown[]) => fill(text, values),
  _np: (_context: string, single: string, plural: string, count: number, ...values: unknown[]) =>
    many(single, plural, count, ...values),
  gettext: one,
  ngettext: many,
  pgettext: (_context: string, text: string, ...values: unknown[]) => fill(text, values),
  npgettext: (_context: string, single: string, plural: string, count: number, ...values: unknown[]) =>
    many(single, plural, count, ...values),
  dcnpgettext: (
    _domain: string,
    _context: string,
    single: string,
    plural: string,
    count: number,
    ...values: unknown[]
  ) => many(single, plural, count, ...values),
}
