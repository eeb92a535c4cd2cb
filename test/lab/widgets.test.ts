import { expect, test } from 'vitest'
import { describeLab, digitsRun } from '../kit/lab/index.js'

describeLab('widgets in JupyterLab', (lab) => {
  test('a touch reaches the kernel, and what the kernel sets reaches every page', async () => {
    const notebook = await lab.open('echo.ipynb', {
      cells: [
        `import * as widgets from 'gradbook/widgets'
const text = widgets.Text({ description: 'name' })
const label = widgets.Label({ value: 'nobody' })
text.observe(({ value }) => { label.value = 'hello ' + value })
let clicks = 0
const button = widgets.Button({ description: 'press' }).onClick(() => { button.description = 'pressed ' + ++clicks })
const choice = widgets.Dropdown({ options: ['adam', 'sgd'] })
widgets.VBox([text, label, button, choice])`,
        'choice.value',
      ],
    })
    await notebook.run(0)
    const output = notebook.output(0)
    await output.locator('input').fill('<i>you</i>')
    await output.getByText('hello <i>you</i>').waitFor()
    await output.locator('button').click()
    await output.locator('button', { hasText: 'pressed 1' }).waitFor()
    await output.locator('select').selectOption('sgd')
    await notebook.run(1)
    expect(await notebook.output(1).textContent()).toContain('sgd')

    // A page that comes later asks the kernel for all widgets.
    await notebook.command('docmanager:save')
    await notebook.page.reload()
    await notebook.ready()
    await notebook.output(0).locator('button', { hasText: 'pressed 1' }).click()
    await notebook.output(0).locator('button', { hasText: 'pressed 2' }).waitFor()
    expect(await notebook.output(0).locator('input').inputValue()).toBe('<i>you</i>')
    expect(notebook.errors).toEqual([])
    await notebook.page.close()
  })

  test('the slider of controls(run) changes the rate of a run that trains, and the mark appears', async () => {
    const notebook = await lab.open('controls.ipynb', {
      cells: [
        `${digitsRun("name: 'controlled'")}
import { controls } from 'gradbook/widgets'
controls(run)`,
      ],
    })
    await notebook.run(0)
    const output = notebook.output(0)
    await output.getByRole('button', { name: 'Train on' }).click()
    await output.locator('.gb-live').waitFor()
    await output.locator('.noUi-handle').first().focus()
    await notebook.page.keyboard.press('ArrowRight')
    await output.locator('.gb-mark').first().waitFor()
    await output.getByRole('button', { name: 'Stop' }).click()
    await output.locator('.gb-live').waitFor({ state: 'detached' })
    expect(notebook.errors).toEqual([])
    await notebook.page.close()
  })
})
