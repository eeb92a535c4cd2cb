/** Two attributes held equal: in the kernel (`link`, `directionalLink`) or in the front end without it (`jsLink`, …). */
import { createWidget, type Widget } from './widget.js'

/** A widget and the name of one of its attributes. */
export type End = readonly [widget: Widget, attribute: string]

/** A link that can be taken away. */
export interface Link {
  unlink(): void
}

/**
 * Keeps `target` at what `source` is, through `transform` if there is one.
 *
 * @example directionalLink([a, 'value'], [b, 'value'], (x) => 2 * x)
 */
export function directionalLink(
  [source, from]: End,
  [target, to]: End,
  transform: (value: any) => unknown = (value) => value,
): Link {
  const copy = () => void target.set({ [to]: transform((source as any)[from]) })
  copy()
  source.observe(from, copy)
  return { unlink: () => void source.unobserve(copy) }
}

/**
 * Keeps two attributes equal; at first both have the value of `source`.
 *
 * @example link([a, 'value'], [b, 'value'])
 */
export function link(source: End, target: End): Link {
  const there = directionalLink(source, target)
  const back = directionalLink(target, source)
  return {
    unlink() {
      there.unlink()
      back.unlink()
    },
  }
}

const inFrontEnd =
  (kind: 'Link' | 'DirectionalLink') =>
  (source: End, target: End): Link => {
    const widget = createWidget(kind, { source, target })
    return { unlink: () => widget.close() }
  }

/** As `link`, but done by the front end: quick, and it works in a page without a kernel. */
export const jsLink = inFrontEnd('Link')
/** As `directionalLink`, but done by the front end. */
export const jsDirectionalLink = inFrontEnd('DirectionalLink')

/** `directionalLink` by its name in Python. */
export const dlink = directionalLink
/** `jsLink` by its name in Python. */
export const jslink = jsLink
/** `jsDirectionalLink` by its name in Python. */
export const jsdlink = jsDirectionalLink
