import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromium, python } from '../kit/needs.js'
import { Lab, notebookOf } from './jupyterlab.js'

describe.skipIf(!python || !chromium)('the extension in JupyterLab', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await Lab.start()
  }, 90_000)
  afterAll(() => lab?.close())

  test('colours types as types, in cells that nobody has run', async () => {
    lab.write('colours.ipynb', notebookOf(['interface Point { x: number }']))
    const notebook = await lab.open('colours.ipynb')
    const colourOf = (text: string) =>
      notebook
        .editor(0)
        .locator('span', { hasText: new RegExp(`^${text}$`) })
        .first()
        .evaluate((span) => getComputedStyle(span).color)
    const plain = await notebook.editor(0).evaluate((editor) => getComputedStyle(editor).color)
    expect(await colourOf('interface')).not.toBe(plain)
    expect(await colourOf('number')).not.toBe(plain)
    expect(notebook.errors).toEqual([])
    await notebook.page.close()
  }, 60_000)

  test('makes a training notebook from the launcher, with our kernel', async () => {
    lab.write('start.ipynb', notebookOf(['1']))
    const notebook = await lab.open('start.ipynb')
    await notebook.command('launcher:create')
    await notebook.page.locator('.jp-LauncherCard', { hasText: 'Training Notebook' }).click()
    const cells = notebook.page.locator('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook')
    await cells.getByText('await run.iterate(200)').first().waitFor()
    const made = readdirSync(lab.folder).find((name) => name.startsWith('Untitled'))!
    const { metadata } = JSON.parse(readFileSync(join(lab.folder, made), 'utf8'))
    expect(metadata.kernelspec.name).toBe('gradbook')
    expect(notebook.errors).toEqual([])
    await notebook.page.close()
  }, 60_000)
})
