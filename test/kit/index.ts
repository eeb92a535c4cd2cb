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
