/** Widgets that hold widgets: `HBox([a, b])`, `Tab({ first: a, second: b })`. */
import type { Attributes } from './generated.js'
import { createWidget, Widget, type Given } from './widget.js'

type Children = readonly Widget[]
type Box<Kind extends keyof Attributes> = (
  children?: Children,
  attributes?: Given<Attributes[Kind]>,
) => Widget<Attributes[Kind]> & Attributes[Kind]

const box =
  <Kind extends 'Box' | 'HBox' | 'VBox' | 'GridBox'>(kind: Kind): Box<Kind> =>
  (children = [], attributes = {}) =>
    createWidget(kind, { children, ...attributes } as Given<Attributes[Kind]>)

/** Pages by title, or a list of pages beside `titles` among the attributes. */
type Pages<Kind extends keyof Attributes> = (
  pages?: Children | { [title: string]: Widget },
  attributes?: Given<Attributes[Kind]>,
) => Widget<Attributes[Kind]> & Attributes[Kind]

const pages =
  <Kind extends 'Tab' | 'Accordion' | 'Stack'>(kind: Kind): Pages<Kind> =>
  (given = [], attributes = {}) => {
    const named = Array.isArray(given)
      ? { children: given }
      : { children: Object.values(given), titles: Object.keys(given) }
    const first = kind === 'Accordion' || named.children.length === 0 ? {} : { selected_index: 0 }
    return createWidget(kind, { ...first, ...named, ...attributes } as Given<Attributes[Kind]>)
  }

/** Widgets side by side. */
export const HBox = box('HBox')
/** Widgets one below the other. */
export const VBox = box('VBox')
/** Widgets in a grid: `GridBox([…], { layout: { grid_template_columns: '1fr 1fr' } })`. */
export const GridBox = box('GridBox')
/** Widgets in a box of one's own layout. */
export const Box = box('Box')
/** One page at a time, with tabs: `Tab({ data: a, training: b })`. */
export const Tab = pages('Tab')
/** Pages that unfold: `Accordion({ data: a, training: b })`. */
export const Accordion = pages('Accordion')
/** One page at a time, chosen by `selected_index`. */
export const Stack = pages('Stack')
