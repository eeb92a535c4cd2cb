// `npm start`: from a fresh clone to an open JupyterLab. Installs and builds what is missing, then `gradbook lab notebooks`.
import { install } from './install.mjs'

await install()
const { lab } = await import('../dist/kernel/cli/lab.js')
const { GradbookError } = await import('../dist/src/errors.js')
try {
  process.exitCode = await lab('notebooks', process.argv.slice(2))
} catch (error) {
  if (!(error instanceof GradbookError)) throw error
  console.error(`gradbook: ${error.message}`)
  process.exitCode = 1
}
