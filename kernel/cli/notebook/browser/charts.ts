/**
 * The script of a page that `gradbook run -o x.html` wrote: puts an interactive chart in the place of each chart's picture.
 * Bundled into one file when gradbook is built. What fails here leaves the picture as it was.
 */
import { View, parse } from 'vega'
import { expressionInterpreter } from 'vega-interpreter'
import { compile } from 'vega-lite'

/** What the page shows beside the pointer: names and values, as text and never as HTML. */
function createTooltip(): (handler: unknown, event: MouseEvent, item: unknown, value: unknown) => void {
  const box = document.createElement('div')
  box.className = 'tooltip'
  box.hidden = true
  document.body.append(box)
  return (_handler, event, _item, value) => {
    box.hidden = value === null || value === undefined || value === ''
    if (box.hidden) return
    box.replaceChildren(
      ...(typeof value === 'object' ? Object.entries(value as object) : [['', value]]).map(
        ([name, content]) => {
          const line = document.createElement('div')
          line.textContent = name ? `${name}: ${content}` : String(content)
          return line
        },
      ),
    )
    box.style.left = `${event.pageX + 14}px`
    box.style.top = `${event.pageY + 14}px`
  }
}

/** A page that asks nothing of any server: a chart cannot either. `refused` is told what a chart asked for. */
function createLoader(refused: string[]): object {
  const refuse = (uri: string) => {
    refused.push(uri)
    return Promise.reject(new Error('this page loads nothing'))
  }
  return {
    load: refuse,
    sanitize: (uri: string) => (uri.startsWith('data:image/') ? Promise.resolve({ href: uri }) : refuse(uri)),
    http: refuse,
    file: refuse,
  }
}

async function draw(figure: HTMLElement, tooltip: ReturnType<typeof createTooltip>): Promise<void> {
  const picture = figure.querySelector('img')
  const spec = JSON.parse(figure.querySelector('script')!.textContent!)
  const place = document.createElement('div')
  figure.append(place)
  // The width of a chart that fills its container is that of the picture.
  if (picture) place.style.width = `${picture.width}px`
  try {
    // An interpreted expression needs no permission to evaluate code.
    const refused: string[] = []
    const runtime = parse(compile(spec).spec, {}, { ast: true })
    const view = new View(runtime, {
      expr: expressionInterpreter,
      renderer: 'svg',
      container: place,
      hover: true,
      loader: createLoader(refused),
    } as ConstructorParameters<typeof View>[1])
    view.tooltip(tooltip as Parameters<typeof view.tooltip>[0])
    await view.runAsync()
    // Without its data it would be an empty frame.
    if (refused.length > 0) throw new Error(`it needs ${refused[0]}`)
    if (picture) picture.hidden = true
    figure.dataset.drawn = 'true'
  } catch (error) {
    place.remove()
    console.warn('a chart stays a picture:', error)
  }
}

const tooltip = createTooltip()
for (const figure of document.querySelectorAll<HTMLElement>('figure.chart')) void draw(figure, tooltip)
