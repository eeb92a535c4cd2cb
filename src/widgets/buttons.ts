/** Widgets that tell of an event besides their value: a click, Enter in a field. */
import type { ButtonAttributes, TextareaAttributes, TextAttributes } from './generated.js'
import { createWidget, Widget, type Given } from './widget.js'

class Clickable extends Widget<any> {
  onClick(listener: (button: this) => unknown): this {
    return this.onMessage((content) => {
      if (content?.event === 'click') listener(this)
    })
  }
}

class Submittable extends Widget<any> {
  onSubmit(listener: (text: string, field: this) => unknown): this {
    return this.onMessage((content) => {
      if (content?.event === 'submit') listener(String(this.get('value')), this)
    })
  }
}

export interface ButtonWidget extends Widget<ButtonAttributes>, ButtonAttributes {
  /** Calls `listener` at each click. Returns the button. */
  onClick(listener: (button: ButtonWidget) => unknown): this
}
export interface TextWidget extends Widget<TextAttributes>, TextAttributes {
  /** Calls `listener` with the text when the reader presses Enter. Returns the field. */
  onSubmit(listener: (text: string, field: TextWidget) => unknown): this
}
export type TextareaWidget = Widget<TextareaAttributes> & TextareaAttributes

/** A button: `Button({ description: 'Step' }).onClick(() => run.iterate(1))`. */
export function Button(attributes?: Given<ButtonAttributes>): ButtonWidget {
  return createWidget('Button', attributes, Clickable) as unknown as ButtonWidget
}

/** A line of text: `Text({ placeholder: 'name' }).onSubmit((text) => …)`. */
export function Text(attributes?: Given<TextAttributes>): TextWidget {
  return createWidget('Text', attributes, Submittable) as unknown as TextWidget
}

/**
 * Several lines of text; with `continuous_update: false` the value changes when the reader leaves the field.
 *
 * @example Textarea({ value: 'several lines', continuous_update: false })
 */
export function Textarea(attributes?: Given<TextareaAttributes>): TextareaWidget {
  return createWidget('Textarea', attributes)
}
