export { gradbook, runProgram, type Finished } from './command.js'
export { temporaryFolder, writerIn } from './files.js'
export {
  error,
  plain,
  result,
  startKernel,
  stream,
  text,
  useKernel,
  type Ran,
  type TestKernel,
} from './kernel.js'
export { chromium, long, python, pytorch } from './needs.js'
export { fastest, patience } from './patience.js'
export { isRunning } from './processes.js'
export { typeErrors } from './typecheck.js'
