import { existsSync } from 'node:fs'
import { findOnPath } from './jupyter/folders.js'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'msedge']
const places = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

/** A Chromium or Chrome of this machine: CHROME_BIN, then the PATH, then the usual places. */
export function findChromium(): string | undefined {
  const { CHROME_BIN } = process.env
  if (CHROME_BIN) return existsSync(CHROME_BIN) ? CHROME_BIN : undefined
  for (const name of names) {
    const found = findOnPath(name)
    if (found) return found
  }
  return places.find((place) => existsSync(place))
}
