import { chromium as engine, type Browser } from 'playwright-core'
import { chromium } from '../needs.js'
import { shared } from '../shared.js'

/** A browser as all tests have it. */
export const launch = (): Promise<Browser> =>
  engine.launch({
    executablePath: chromium!,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--force-color-profile=srgb',
      '--font-render-hinting=none',
    ],
  })

/** One browser for all tests of a `describe` or a file; for `describe.skipIf(!chromium)`. */
export const useBrowser = (): Browser => shared('the browser', launch, (browser) => browser.close())
