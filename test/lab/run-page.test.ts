import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parseIpynb } from '../../kernel/cli/notebook/ipynb.js'
import { formatHtml } from '../../kernel/cli/notebook/html.js'
import { chromium, patience, temporaryFolder } from '../kit/index.js'
import { useBrowser } from '../kit/lab/index.js'

describe.skipIf(!chromium)('the page of a notebook that trains', { timeout: 2 * patience }, () => {
  const browser = useBrowser()
  const file = resolve('notebooks/03-adjust-while-training.ipynb')
  const written = join(temporaryFolder(), 'page.html')
  writeFileSync(written, formatHtml(parseIpynb(readFileSync(file, 'utf8'), file), file))
  const address = pathToFileURL(written).href

  it("draws JupyterLab's chart, answers the pointer, zooms, and goes through the evaluations", async () => {
    const page = await browser.newPage()
    const errors: string[] = []
    page.on('console', (message) => errors.push(message.text()))
    page.on('pageerror', (error) => errors.push(error.message))
    await page.goto(address)
    const figure = page.locator('figure.run').last()
    await figure.locator('.gb-plot').hover({ position: { x: 300, y: 60 } })
    expect(await figure.locator('.gb-tip').innerText()).toMatch(/iteration/)
    await figure.locator('.gb-plot').focus()
    await page.keyboard.press('+')
    expect(await figure.getByRole('button', { name: 'show all' }).isVisible()).toBe(true)
    const slider = figure.locator('.gb-evaluations input')
    const before = await figure.locator('.gb-evaluations .gb-status').innerText()
    await slider.focus()
    await page.keyboard.press('Home')
    expect(await figure.locator('.gb-evaluations .gb-status').innerText()).not.toBe(before)
    expect(await page.locator('figure.run:not([data-drawn])').count()).toBe(0)
    expect(errors).toEqual([])
  })

  it('fits a phone, scrolls by keyboard what scrolls, copies, and has on paper what is folded', async () => {
    const page = await browser.newPage()
    await page.setViewportSize({ width: 390, height: 844 })
    await page.goto(address)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
    const unreachable = await page.evaluate(
      () =>
        [...document.querySelectorAll<HTMLElement>('main *')].filter(
          (part) =>
            part.scrollWidth > part.clientWidth + 1 &&
            /auto|scroll/.test(getComputedStyle(part).overflowX) &&
            part.tabIndex < 0,
        ).length,
    )
    expect(unreachable).toBe(0)
    const copy = page.locator('.copy').first()
    await copy.click()
    expect(await copy.innerText()).toBe('copied')
    await page.evaluate(() => {
      document.querySelector<HTMLDetailsElement>('main details')!.open = false
      dispatchEvent(new Event('beforeprint'))
    })
    expect(await page.locator('main details:not([open])').count()).toBe(0)
    await page.evaluate(() => dispatchEvent(new Event('afterprint')))
    expect(await page.locator('main details:not([open])').count()).toBeGreaterThan(0)
  })
})
