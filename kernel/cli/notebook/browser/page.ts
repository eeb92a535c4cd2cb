/**
 * The script of every page that `gradbook run -o x.html` wrote. Without it the page reads the same, less the conveniences: copying,
 * contents that stand open where there is room, the keyboard in parts that scroll, and paper that has what is folded.
 */

/** A page opened from disk may have no clipboard to write to; then what is selected is copied. */
async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    const area = document.createElement('textarea')
    area.value = text
    document.body.append(area)
    area.select()
    document.execCommand('copy')
    area.remove()
  }
}

function addCopyButtons(): void {
  for (const pre of document.querySelectorAll<HTMLElement>('.source, .markdown pre')) {
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'copy'
    button.textContent = 'copy'
    button.setAttribute('aria-label', 'copy this code')
    button.addEventListener('click', () => {
      void copy(pre.textContent ?? '').then(() => {
        button.textContent = 'copied'
        setTimeout(() => (button.textContent = 'copy'), 1500)
      })
    })
    const frame = document.createElement('div')
    frame.className = 'with-copy'
    pre.replaceWith(frame)
    frame.append(pre, button)
  }
}

/** What scrolls is reached with the keyboard; what fits is passed over. */
function markScrolling(): void {
  for (const part of document.querySelectorAll<HTMLElement>('pre, .output, .wide, .maths')) {
    const scrolls = part.scrollWidth > part.clientWidth + 1 || part.scrollHeight > part.clientHeight + 1
    const style = getComputedStyle(part)
    if (scrolls && /auto|scroll/.test(style.overflowX + style.overflowY)) part.tabIndex = 0
    else part.removeAttribute('tabindex')
  }
}

function openContents(): void {
  const contents = document.querySelector<HTMLDetailsElement>('.contents details')
  if (!contents) return
  const beside = matchMedia('(min-width: 84rem)')
  const follow = (): void => {
    contents.open = beside.matches
  }
  beside.addEventListener('change', follow)
  follow()
}

/** Paper has no folds. */
function openOnPaper(): void {
  let opened: HTMLDetailsElement[] = []
  addEventListener('beforeprint', () => {
    opened = [...document.querySelectorAll<HTMLDetailsElement>('main details:not([open])')]
    for (const details of opened) details.open = true
  })
  addEventListener('afterprint', () => {
    for (const details of opened) details.open = false
    opened = []
  })
}

addCopyButtons()
openContents()
openOnPaper()
markScrolling()
new ResizeObserver(markScrolling).observe(document.body)
document.addEventListener('toggle', markScrolling, true)
