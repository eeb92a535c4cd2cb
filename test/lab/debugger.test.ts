import { beforeAll, expect, test } from 'vitest'
import { describeLab, notebookOf, type NotebookPage } from '../kit/lab/index.js'

const cells = [
  `import * as tf from '@tensorflow/tfjs'
function loss(prediction: tf.Tensor, target: tf.Tensor): tf.Scalar {
  const error = tf.sub(prediction, target)
  const squares = tf.square(error)
  return tf.mean(squares)
}`,
  `const weights = { layer: 'dense', units: 3 }
const value = loss(tf.tensor1d([1, 2, 3]), tf.tensor1d([1, 2, 5]))
value.dataSync()[0]!.toFixed(3)`,
]

describeLab("JupyterLab's debugger panel", (lab) => {
  let notebook: NotebookPage
  beforeAll(async () => {
    lab.write('debug.ipynb', notebookOf(cells))
    notebook = await lab.open('debug.ipynb', { width: 1500, height: 1000 })
  })

  /** What the panel shows of a variable. */
  const detail = async (name: string): Promise<string | null> => {
    const item = notebook.page.locator('.jp-DebuggerVariables .jp-TreeItem', {
      has: notebook.page.locator('.jp-DebuggerVariables-name', { hasText: new RegExp(`^${name}$`) }),
    })
    await item.first().waitFor()
    return item.first().locator('.jp-DebuggerVariables-detail').first().textContent()
  }

  test('a breakpoint set in the gutter stops the cell; tensors can be read, stepping and going on work', async () => {
    const { page } = notebook
    await page.locator('.jp-DebuggerBugButton[aria-label="Enable Debugger"]').click()
    const gutter = notebook.cell(0).locator('.cm-gutter.cm-breakpoint-gutter')
    await gutter.waitFor()
    await notebook.run(0)
    // The first element is there to make room.
    const line = gutter.locator('.cm-gutterElement').nth(5)
    await line.click()
    await line.locator('[aria-label="Breakpoint"]').waitFor()

    await notebook.run(1, { wait: false })
    const highlight = notebook.cell(0).locator('.jp-DebuggerEditor-highlight')
    await highlight.waitFor()
    expect(await highlight.textContent()).toBe('  return tf.mean(squares)')
    const frames = page.locator('.jp-DebuggerCallstackFrame')
    await frames.nth(1).waitFor()
    expect(await frames.allTextContents()).toEqual(['lossCell [1]:5', '(top level)Cell [*]:2'])
    expect(await detail('squares')).toBe('Tensor float32 [3]: 0, 0, 4')

    await page.locator('.jp-DebuggerCallstackFrame').nth(1).click()
    expect(await detail('weights')).toBe("{ layer: 'dense', units: 3 }")
    await notebook.command('debugger:next')
    const inCaller = notebook.cell(1).locator('.jp-DebuggerEditor-highlight', { hasText: 'toFixed' })
    await inCaller.waitFor()
    await notebook.command('debugger:continue')
    await notebook.output(1).getByText('1.333').waitFor()
    await inCaller.waitFor({ state: 'detached' })
    expect(notebook.errors).toEqual([])
  })
})
