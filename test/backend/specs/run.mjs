// Runs tfjs-core's specs on one backend and prints a line of JSON: { passed, failed: [{ name, message }], pending }.
//   node run.mjs BUNDLE BACKEND [MODE] [SHARE OFFSET | NAME]
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const [bundle, backend, mode = 'lazy', share = '1', offset = '0'] = process.argv.slice(2)

console.warn = () => {}
require('@tensorflow/tfjs')
if (backend === 'onnxruntime') {
  const { setBackendOptions } = await import(new URL('../../../dist/src/backend/index.js', import.meta.url))
  setBackendOptions({ minimumSize: 0, mode })
}
const jasmineRequire = require('jasmine-core')
const jasmine = jasmineRequire.boot(jasmineRequire)
const env = jasmine.getEnv()
Object.assign(globalThis, jasmineRequire.interface?.(jasmine, env) ?? {}, { jasmine })
env.configure({ random: false, failSpecWithNoExpectations: false })

const { define } = require(bundle)
await define({ name: backend, backendName: backend, flags: {}, isDataSync: true })

const name = Number.isNaN(+share) ? share : undefined
// A number of FNV-1a decides which share a spec belongs to, so that it is the same in every version and order.
const hash = (text) => {
  let word = 0x811c9dc5
  for (let at = 0; at < text.length; at++) word = Math.imul(word ^ text.charCodeAt(at), 0x01000193)
  return word >>> 0
}
env.configure({
  specFilter: (spec) =>
    name ? spec.getFullName().includes(name) : hash(spec.getFullName()) % +share === +offset % +share,
})
const result = { passed: 0, failed: [], pending: 0 }
env.addReporter({
  specDone({ status, fullName, failedExpectations }) {
    if (status === 'passed') result.passed++
    else if (status === 'failed')
      result.failed.push({
        name: fullName,
        message: failedExpectations.map((one) => one.message + (name ? one.stack : '')).join('\n'),
      })
    else result.pending++
  },
})
await env.execute()
if (backend === 'onnxruntime') {
  const { backendStatistics } = await import(new URL('../../../dist/src/backend/index.js', import.meta.url))
  result.statistics = backendStatistics()
}
process.stdout.write(JSON.stringify(result) + '\n', () => process.exit(0))
