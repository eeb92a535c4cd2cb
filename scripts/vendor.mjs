// Lays ONNX Runtime's native library into dist/, for `npm pack`: onnxruntime-node itself cannot be a dependency of ours, since its
// installation downloads CUDA libraries on Linux and fails without internet, whatever our own settings say, and
// since it carries every platform at once (290 MB). Takes the binaries of this platform; GRADBOOK_PLATFORMS names others,
// 'linux/x64,darwin/arm64', or 'all'.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const source = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))
const binaries = join(source, 'bin', 'napi-v6')
const target = join(root, 'dist', 'vendor', 'onnxruntime')

const all = readdirSync(binaries).flatMap((os) =>
  readdirSync(join(binaries, os)).map((cpu) => `${os}/${cpu}`),
)
const wanted = process.env.GRADBOOK_PLATFORMS ?? `${process.platform}/${process.arch}`
const platforms = wanted === 'all' ? all : wanted.split(',')

rmSync(target, { recursive: true, force: true })
mkdirSync(target, { recursive: true })
for (const platform of platforms) {
  const from = join(binaries, ...platform.split('/'))
  if (!existsSync(from)) {
    console.error(`onnxruntime-node has no binaries for ${platform}; it has them for ${all.join(', ')}`)
    process.exit(1)
  }
  // CUDA's provider is what an installation may have downloaded; it is no part of the package.
  cpSync(from, join(target, ...platform.split('/')), {
    recursive: true,
    filter: (path) => !/_providers_(cuda|tensorrt|shared)/.test(path),
  })
}
const { version, license, repository } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
writeFileSync(
  join(target, 'package.json'),
  JSON.stringify({ name: 'onnxruntime-node', version, license, repository }, null, 2),
)
writeFileSync(
  join(target, 'LICENSE'),
  `MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`,
)
