#!/usr/bin/env node
import { existsSync } from 'node:fs'

const main = new URL('../dist/kernel/cli/main.js', import.meta.url)
if (!existsSync(main)) {
  console.error('gradbook is not built yet. Run `npm run build` in the folder of the clone, then try again.')
  process.exit(1)
}
await import(main.href)
