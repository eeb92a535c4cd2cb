// `node scripts/tfjs-node.mjs FOLDER [PYTHON]`: installs @tensorflow/tfjs-node in FOLDER and builds its addon against the
// TensorFlow of a pip wheel, step by step as docs/tfjs-node.md tells it. What is there already is kept.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const versions = { tfjsNode: '4.22.0', tensorflow: '2.21.0', nodeGyp: '12.4.0' }

/** The libraries of the wheel, by the names under which the addon looks for them. */
const libraries = {
  'libtensorflow.so': 'libtensorflow_cc.so.2',
  'libtensorflow.so.2': 'libtensorflow_cc.so.2',
  'libtensorflow_cc.so.2': 'libtensorflow_cc.so.2',
  'libtensorflow_framework.so': 'libtensorflow_framework.so.2',
  'libtensorflow_framework.so.2': 'libtensorflow_framework.so.2',
}

function run(folder, command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' })
  if (status === 0) return stdout
  throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? (stderr + stdout).slice(-4000)}`)
}

function link(target, place) {
  rmSync(place, { force: true })
  symlinkSync(target, place)
}

/** Builds it in `folder` unless that is done; returns the folder of the package. Linux; about 2.5 GB. */
export function buildTfjsNode(folder, { python = 'python3', say = () => {} } = {}) {
  const addon = join(folder, 'node_modules', '@tensorflow', 'tfjs-node')
  const done = join(folder, '.complete')
  if (existsSync(done)) return addon
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')

  say(`tensorflow ${versions.tensorflow}`)
  const environment = join(folder, 'python')
  run(folder, python, ['-m', 'venv', environment])
  const own = join(environment, 'bin', 'python')
  run(folder, own, ['-m', 'pip', 'install', '--quiet', `tensorflow==${versions.tensorflow}`])
  const where = 'import importlib.util as u; print(u.find_spec("tensorflow").submodule_search_locations[0])'
  const tensorflow = run(folder, own, ['-c', where]).trim()

  say(`@tensorflow/tfjs-node ${versions.tfjsNode}`)
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund']
  run(folder, 'npm', ['install', ...quiet, `@tensorflow/tfjs-node@${versions.tfjsNode}`])

  say('the addon')
  mkdirSync(join(addon, 'deps', 'lib'), { recursive: true })
  link(join(tensorflow, 'include'), join(addon, 'deps', 'include'))
  for (const [name, library] of Object.entries(libraries))
    link(join(tensorflow, library), join(addon, 'deps', 'lib', name))
  run(addon, 'npx', [
    '--yes',
    `node-gyp@${versions.nodeGyp}`,
    'rebuild',
    '--module_name=tfjs_binding',
    `--module_path=${join(addon, 'lib', 'napi-v8')}`,
    '--napi_build_version=8',
    // Distributions put Node's headers beside it; otherwise node-gyp fetches them.
    ...(existsSync(join(nodeFolder, 'include', 'node', 'node_api.h')) ? [`--nodedir=${nodeFolder}`] : []),
  ])
  writeFileSync(done, JSON.stringify(versions))
  return addon
}

const nodeFolder = dirname(dirname(process.execPath))

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [folder, python] = process.argv.slice(2)
  if (!folder) {
    console.error('Use: node scripts/tfjs-node.mjs FOLDER [PYTHON]')
    process.exit(1)
  }
  const say = (what) => console.error(`building ${what}`)
  console.log(buildTfjsNode(resolve(folder), { ...(python && { python }), say }))
}
