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

export function button(label: string, onClick: () => void, title?: string): HTMLButtonElement {
  const element = make('button', 'gb-tool', label)
  element.type = 'button'
  if (title) element.title = title
  element.addEventListener('click', onClick)
  return element
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
