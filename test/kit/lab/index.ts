/** The one driver of JupyterLab: a server and a browser of a test's own, windows with notebooks. */
export { launch, useBrowser } from './browser.js'
export { describeLab, Lab } from './lab.js'
export { digitsRun, notebookOf } from './notebook.js'
export { NotebookPage } from './page.js'
