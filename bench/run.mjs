// `npm run bench NAME [arguments]`: runs bench/NAME/index.mjs; each of them says what it measures and what it accepts.
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { install } from '../scripts/install.mjs'

const folder = dirname(fileURLToPath(import.meta.url))
const names = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'index.mjs')))
  .map(({ name }) => name)
const [name, ...args] = process.argv.slice(2)

if (!names.includes(name)) {
  console.error(`${name ? `There is no benchmark '${name}'. ` : ''}Use: npm run bench ${names.join(' | ')}`)
  process.exit(1)
}
await install()
const { bench } = await import(`./${name}/index.mjs`)
process.exitCode = (await bench(args)) ?? 0
