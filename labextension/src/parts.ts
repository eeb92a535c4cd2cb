/** Small pieces of the panel and the chart. Text is set as text, never parsed. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  name = '',
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag)
  if (name) element.className = name
  element.append(...children)
  return element
}

/** One that is off stays where it is for the keyboard: a disabled one would lose the focus. */
export function button(label: string, onClick: () => void, title?: string): HTMLButtonElement {
  const element = make('button', 'gb-tool', label)
  element.type = 'button'
  if (title) element.title = title
  element.addEventListener('click', () => {
    if (!isOff(element)) onClick()
  })
  return element
}

export function setOff(element: HTMLButtonElement, off: boolean): void {
  element.setAttribute('aria-disabled', String(off))
}
const isOff = (element: HTMLButtonElement): boolean => element.getAttribute('aria-disabled') === 'true'

const nameOf = (element: Element): string => element.getAttribute('aria-label') ?? element.textContent ?? ''

/**
 * Puts `children` in place of what `parent` holds. Who was on a button there is on the one of the same name afterwards, or
 * on the heading of the section where there is none: nobody who works with the keyboard has to begin anew.
 */
export function redraw(parent: HTMLElement, ...children: Node[]): void {
  const focused = parent.contains(document.activeElement) ? document.activeElement! : undefined
  parent.replaceChildren(...children)
  if (!focused) return
  const same = [...parent.querySelectorAll<HTMLButtonElement>('button')].find(
    (one) => nameOf(one) === nameOf(focused),
  )
  const heading = parent.closest('details')?.querySelector('summary')
  ;(same ?? heading ?? undefined)?.focus()
}

/** A part of the panel under a heading, which can be folded. */
export function section(title: string, ...children: Node[]): HTMLDetailsElement {
  const details = make('details', 'gb-section', make('summary', '', title), ...children)
  details.open = true
  return details
}

/** Larger ones are not of our making. */
const mostPixels = 256

/** Draws bytes of grey or colour on a canvas of their size; nothing where the size is no size. */
export function picture(
  { height, width, channels, pixels }: { height: number; width: number; channels: number; pixels: string },
  label: string,
): HTMLCanvasElement {
  const canvas = make('canvas', 'gb-picture')
  const fits = [height, width].every((side) => Number.isInteger(side) && side > 0 && side <= mostPixels)
  if (!fits) return canvas
  canvas.width = width
  canvas.height = height
  canvas.setAttribute('role', 'img')
  canvas.setAttribute('aria-label', label)
  const bytes = Uint8Array.from(atob(pixels), (character) => character.charCodeAt(0))
  const image = new ImageData(width, height)
  for (let i = 0; i < width * height; i++) {
    for (let channel = 0; channel < 3; channel++)
      image.data[i * 4 + channel] = bytes[i * channels + (channels >= 3 ? channel : 0)] ?? 0
    image.data[i * 4 + 3] = 255
  }
  canvas.getContext('2d')!.putImageData(image, 0, 0)
  return canvas
}
