/** The kernels that are compared: how each is started, and the same work in its language. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../../dist/kernel/cli/jupyter/folders.js'
import { makeEnvironment, pythonOf } from '../../dist/kernel/cli/jupyter/lab.js'
import { kernelCommand } from '../../dist/kernel/cli/own-files.js'
import { testEnvironment, testPackages } from '../../scripts/test-packages.mjs'

const say = (text) => console.error(text)

const typescript = {
  trivial: (n) => `${n} + 1`,
  logs: (n) => `console.log('line', ${n})`,
  imports: "import * as tf from '@tensorflow/tfjs'",
  manyLines: "for (let i = 0; i < 10_000; i++) console.log('line', i)",
  defines: "const person = { firstName: 'Ada', birthYear: 1815 }",
  completes: 'person.',
  inspects: 'person',
}

const python = {
  trivial: (n) => `${n} + 1`,
  logs: (n) => `print('line', ${n})`,
  imports: 'import json',
  manyLines: "for i in range(10_000): print('line', i)",
  defines: "class Person:\n  first_name = 'Ada'\n  birth_year = 1815\nperson = Person()",
  completes: 'person.',
  inspects: 'person',
}

/** A package from npm in a folder of gradbook's cache, never in the project. */
function npmPeer(name, version) {
  const folder = join(cacheFolder(), 'peers', `${name}-${version}`)
  const stamp = join(folder, '.complete')
  if (!existsSync(stamp)) {
    say(`Installing ${name} ${version} into ${folder}`)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{"private": true}')
    // tfjs lies beside the kernel that is to import it.
    const { status, stderr } = spawnSync(
      'npm',
      ['install', '--no-audit', '--no-fund', `${name}@${version}`, '@tensorflow/tfjs@4.22.0'],
      { cwd: folder, encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(`npm could not install ${name}: ${stderr.slice(-400)}`)
    writeFileSync(stamp, '')
  }
  return folder
}

/** Each row: how to get it, and its cells. `prepare` resolves to the command, and the folder it is started in. */
export const peers = {
  gradbook: { cells: typescript, prepare: () => ({ command: kernelCommand }) },
  ipykernel: {
    cells: python,
    prepare() {
      const interpreter = pythonOf(makeEnvironment(testEnvironment, testPackages, say))
      return { command: (file) => [interpreter, '-m', 'ipykernel_launcher', '-f', file] }
    },
  },
  deno: {
    cells: { ...typescript, imports: "import * as tf from 'npm:@tensorflow/tfjs'" },
    prepare() {
      const folder = npmPeer('deno', '2.9.6')
      const program = join(folder, 'node_modules', 'deno', 'bin.cjs')
      return { folder, command: (file) => [process.execPath, program, 'jupyter', '--kernel', '--conn', file] }
    },
  },
  tslab: {
    cells: typescript,
    prepare() {
      const folder = npmPeer('tslab', '1.0.22')
      const program = join(folder, 'node_modules', 'tslab', 'bin', 'tslab')
      return { folder, command: (file) => [process.execPath, program, 'kernel', `--config-path=${file}`] }
    },
  },
}
