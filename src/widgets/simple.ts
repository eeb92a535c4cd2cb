/** Widgets that are nothing but their attributes. Names, attributes and defaults are those of Jupyter widgets 8. */
import type { Attributes } from './generated.js'
import { createWidget, type Given, type Widget } from './widget.js'

/** Makes a widget from some of its attributes; the rest have the defaults that completion shows. */
export type Factory<Kind extends keyof Attributes> = (
  attributes?: Given<Attributes[Kind]>,
) => Widget<Attributes[Kind]> & Attributes[Kind]

const factory =
  <Kind extends keyof Attributes>(kind: Kind): Factory<Kind> =>
  (attributes) =>
    createWidget(kind, attributes)

/** A slider over real numbers: `FloatSlider({ value: 1, min: 0, max: 10, step: 0.1 })`. */
export const FloatSlider = factory('FloatSlider')
/** A slider whose ends are exponents: `FloatLogSlider({ value: 1e-3, min: -6, max: 0 })` runs from 1e-6 to 1. */
export const FloatLogSlider = factory('FloatLogSlider')
/** A slider with two ends over real numbers; `value` is `[lower, upper]`. */
export const FloatRangeSlider = factory('FloatRangeSlider')
/** A slider over whole numbers. */
export const IntSlider = factory('IntSlider')
/** A slider with two ends over whole numbers; `value` is `[lower, upper]`. */
export const IntRangeSlider = factory('IntRangeSlider')
/** A field for a real number. */
export const FloatText = factory('FloatText')
/** A field for a real number between `min` and `max`. */
export const BoundedFloatText = factory('BoundedFloatText')
/** A field for a whole number. */
export const IntText = factory('IntText')
/** A field for a whole number between `min` and `max`. */
export const BoundedIntText = factory('BoundedIntText')
/** A bar from `min` to `max` that stands at `value`. */
export const FloatProgress = factory('FloatProgress')
/** A bar from `min` to `max` that stands at the whole number `value`. */
export const IntProgress = factory('IntProgress')
/** Counts from `min` to `max`, one `step` every `interval` milliseconds. */
export const Play = factory('Play')
/** A button that stays down: `value` is true while it is. */
export const ToggleButton = factory('ToggleButton')
/** A box to tick. */
export const Checkbox = factory('Checkbox')
/** A green or red mark that says whether something is valid. */
export const Valid = factory('Valid')
/** Text that is shown as it is. Use it, not `HTML`, for what came from data or from a model. */
export const Label = factory('Label')
/** Markup that is shown as markup: escape what came from outside with `escapeHtml`. */
export const HTML = factory('HTML')
/** Markup with LaTeX between dollars. */
export const HTMLMath = factory('HTMLMath')
/** A picture; `value` holds the bytes of a file of `format`. */
export const Image = factory('Image')
/** A video; `value` holds the bytes of a file of `format`. */
export const Video = factory('Video')
/** A sound; `value` holds the bytes of a file of `format`. */
export const Audio = factory('Audio')
/** A field with suggestions: `Combobox({ options: ['adam', 'sgd'] })`. */
export const Combobox = factory('Combobox')
/** A field whose characters are not shown. */
export const Password = factory('Password')
/** A colour, as a name or `#rrggbb`. */
export const ColorPicker = factory('ColorPicker')
/** A day. */
export const DatePicker = factory('DatePicker')
/** A time of day. */
export const TimePicker = factory('Time')
/** Words that are added and taken away one by one. */
export const TagsInput = factory('TagsInput')
/** Real numbers that are added and taken away one by one. */
export const FloatsInput = factory('FloatsInput')
/** Whole numbers that are added and taken away one by one. */
export const IntsInput = factory('IntsInput')
/** Files from the reader's machine: `value` is a list of `{ name, type, size, content }`. */
export const FileUpload: Factory<'FileUpload'> = (attributes) =>
  createWidget('FileUpload', { description: 'Upload', ...attributes })
/** Sizes and place of a widget in CSS, to be shared by several: `layout: { width: '20em' }` makes one for you. */
export const Layout = factory('Layout')
