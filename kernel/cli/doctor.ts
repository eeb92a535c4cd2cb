/** `gradbook doctor`: a row for each thing that gradbook uses, with what to do where there is a gap. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { cudaFolder, findRuntime, isCudaFetched } from '../../src/backend/session/runtimes.js'
import { findChromium } from './chromium.js'
import { startKernel } from './client/index.js'
import { askJupyterForPaths, dataFolders, findOnPath } from './jupyter/folders.js'
import { whyNoCuda } from './fetch-cuda.js'
import { findKernelSpecs } from './jupyter/kernelspec.js'
import { findLabInCache, findLabOnPath, findPython } from './jupyter/lab.js'
import { kernelProgram, packageFolder, packageVersion } from './own-files.js'

interface Finding {
  what: string
  /** 'broken' makes the exit code 1: something that gradbook cannot do without does not work. */
  state: 'ok' | 'absent' | 'broken'
  found: string
  fix?: string
}

const require = createRequire(import.meta.url)

/** The version of an installed package, looked for from this package and from the current folder. */
function versionOf(name: string): string | undefined {
  for (const from of [packageFolder, process.cwd()])
    for (const folder of require.resolve.paths(name) ?? []) {
      for (const base of [folder, join(from, 'node_modules')]) {
        const manifest = join(base, name, 'package.json')
        if (existsSync(manifest)) return JSON.parse(readFileSync(manifest, 'utf8')).version
      }
    }
  return undefined
}

function checkNode(): Finding {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
  const enough = major > 20 || (major === 20 && minor >= 19)
  return {
    what: 'Node',
    state: enough ? 'ok' : 'broken',
    found: `${process.versions.node} (${process.execPath})`,
    ...(enough ? {} : { fix: 'install Node 20.19 or later' }),
  }
}

async function checkKernel(): Promise<Finding> {
  const what = 'Kernel'
  if (!existsSync(kernelProgram))
    return { what, state: 'broken', found: `${kernelProgram} is not there`, fix: 'run `npm run build`' }
  const started = performance.now()
  try {
    const kernel = await startKernel()
    const milliseconds = Math.round(performance.now() - started)
    const { reply } = await kernel.execute('1 + 1')
    await kernel.shutdown()
    const ok = reply.content.status === 'ok'
    return {
      what,
      state: ok ? 'ok' : 'broken',
      found: ok
        ? `gradbook ${packageVersion()}, answers after ${milliseconds} ms`
        : `1 + 1 gave ${reply.content.ename}: ${reply.content.evalue}`,
      ...(ok ? {} : { fix: 'install gradbook anew (`npm ci` in a clone)' }),
    }
  } catch (error) {
    return {
      what,
      state: 'broken',
      found: (error as Error).message,
      fix: 'install gradbook anew (`npm ci` in a clone)',
    }
  }
}

function checkPython(): Finding {
  const { python, version, tooOld } = findPython()
  if (python) return { what: 'Python', state: 'ok', found: `${version} (${python})` }
  return {
    what: 'Python',
    state: 'absent',
    found: tooOld ? `${tooOld}, too old for JupyterLab` : 'none',
    fix: 'install Python >= 3.10 for JupyterLab; `gradbook run` needs none',
  }
}

function checkLab(): Finding[] {
  const lab = findLabOnPath() ?? findLabInCache()
  if (!lab)
    return [
      {
        what: 'JupyterLab',
        state: 'absent',
        found: 'none',
        fix: '`gradbook lab` installs one in a private place',
      },
    ]
  const found: Finding = {
    what: 'JupyterLab',
    state: 'ok',
    found: `${lab.version} (${lab.command.join(' ')})`,
  }
  // Its extensions lie in data folders that only it knows.
  const paths = askJupyterForPaths(join(dirname(lab.command[0]!), 'jupyter')) ?? []
  const widgets = paths.some((path) =>
    existsSync(join(path, 'labextensions', '@jupyter-widgets', 'jupyterlab-manager')),
  )
  return [
    found,
    {
      what: 'Widgets',
      state: widgets ? 'ok' : 'absent',
      found: widgets ? 'jupyterlab_widgets' : 'none in this JupyterLab',
      ...(widgets
        ? {}
        : { fix: 'for sliders and buttons: `pip install jupyterlab_widgets` beside JupyterLab' }),
    },
  ]
}

function checkKernelSpecs(): Finding[] {
  const jupyter = findOnPath('jupyter')
  const asked = (jupyter && askJupyterForPaths(jupyter)) || []
  const specs = findKernelSpecs([...asked, ...dataFolders()])
  if (specs.length === 0)
    return [
      {
        what: 'Kernelspec',
        state: 'absent',
        found: 'not registered with Jupyter',
        fix: '`gradbook install` registers it for all of this user; `gradbook lab` does without',
      },
    ]
  return specs.map(({ folder, missing }) => ({
    what: 'Kernelspec',
    state: missing.length > 0 ? 'broken' : 'ok',
    found: missing.length > 0 ? `${folder} names ${missing.join(', ')}, which is not there` : folder,
    ...(missing.length > 0
      ? { fix: '`gradbook install` writes it anew (with the same options as then)' }
      : {}),
  }))
}

/** Of the native library that training would use. */
function onnxRuntimeVersion(): string | undefined {
  try {
    return findRuntime().version
  } catch {
    return undefined
  }
}

function checkBackends(): Finding[] {
  const tfjs = versionOf('@tensorflow/tfjs')
  const onnx = onnxRuntimeVersion()
  const native = versionOf('@tensorflow/tfjs-node') ?? versionOf('@tensorflow/tfjs-node-gpu')
  return [
    {
      what: 'TensorFlow.js',
      state: tfjs ? 'ok' : 'broken',
      found: tfjs ?? 'none',
      ...(tfjs ? {} : { fix: 'install gradbook anew (`npm ci` in a clone)' }),
    },
    {
      what: 'ONNX Runtime',
      state: onnx ? 'ok' : 'broken',
      found: onnx ?? 'none',
      ...(onnx ? {} : { fix: 'install gradbook anew (`npm ci` in a clone)' }),
    },
    {
      what: 'tfjs-node',
      state: native ? 'ok' : 'absent',
      found: native ?? 'none (optional)',
    },
  ]
}

function checkGpu(): Finding {
  const smi = findOnPath('nvidia-smi')
  const asked =
    smi && spawnSync(smi, ['--query-gpu=name,memory.total', '--format=csv,noheader'], { encoding: 'utf8' })
  const found = asked && asked.status === 0 ? asked.stdout.trim().replaceAll('\n', '; ') : ''
  return { what: 'GPU', state: found ? 'ok' : 'absent', found: found || 'none found: training uses the CPU' }
}

/** Only where a card or the libraries are there: others need not hear of it. */
function checkCuda(): Finding[] {
  const isFetched = isCudaFetched()
  const fits = process.platform === 'linux' && process.arch === 'x64'
  if (!isFetched && !(fits && checkGpu().state === 'ok')) return []
  const fix = isFetched ? whyNoCuda() : '`gradbook fetch cuda` gets the libraries from PyPI (1.2 GB)'
  return [
    {
      what: 'CUDA',
      state: fix ? 'absent' : 'ok',
      found: isFetched ? `libraries in ${cudaFolder()}` : 'none',
      ...(fix && { fix }),
    },
  ]
}

function checkChromium(): Finding {
  const chromium = findChromium()
  return {
    what: 'Chromium',
    state: chromium ? 'ok' : 'absent',
    found: chromium ?? 'none',
    ...(chromium ? {} : { fix: "only gradbook's own browser tests need it: install it or set CHROME_BIN" }),
  }
}

const marks = { ok: '✓', absent: '–', broken: '✗' }

/** Prints the findings; resolves to 1 when something that is needed is broken. */
export async function doctor(): Promise<number> {
  const findings = [
    checkNode(),
    await checkKernel(),
    ...checkBackends(),
    checkGpu(),
    ...checkCuda(),
    checkPython(),
    ...checkLab(),
    ...checkKernelSpecs(),
    checkChromium(),
  ]
  const width = Math.max(...findings.map(({ what }) => what.length))
  for (const { what, state, found, fix } of findings) {
    console.log(`${marks[state]} ${what.padEnd(width)}  ${found}`)
    if (fix) console.log(`  ${' '.repeat(width)}  -> ${fix}`)
  }
  const broken = findings.filter(({ state }) => state === 'broken')
  console.log(
    broken.length === 0
      ? 'All that gradbook needs is there.'
      : `Broken: ${broken.map(({ what }) => what).join(', ')}.`,
  )
  return broken.length === 0 ? 0 : 1
}
