import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder } from '../../cache-folder.js'
import { MissingPackage } from '../../errors.js'

/** The version of ONNX Runtime whose inner interface is used. */
export const version = '1.30.0'

export const bindingFile = 'onnxruntime_binding.node'

const require = createRequire(import.meta.url)

/** A folder of binaries by platform, and what to say of it. */
interface Place {
  folder: string
  /** Its package.json, which says which version it is. */
  manifest: string
}

function listPlaces(): Place[] {
  const places: Place[] = []
  try {
    const manifest = require.resolve('onnxruntime-node/package.json')
    places.push({ folder: join(dirname(manifest), 'bin', 'napi-v6'), manifest })
  } catch {
    // Not installed: the package brings its own copy.
  }
  const vendored = fileURLToPath(new URL('../../../vendor/onnxruntime/', import.meta.url))
  return [...places, { folder: vendored, manifest: join(vendored, 'package.json') }]
}

/**
 * Where ONNX Runtime's native library is for this platform: in onnxruntime-node, if exactly the version that fits is
 * installed, else laid into this package when it was packed (scripts/vendor.mjs). Throws `MissingPackage` where it is in neither.
 */
export function findRuntime(): { path: string; version: string } {
  const searched: string[] = []
  for (const { folder, manifest } of listPlaces()) {
    const path = join(folder, process.platform, process.arch, bindingFile)
    if (existsSync(path) && JSON.parse(readFileSync(manifest, 'utf8')).version === version)
      return { path, version }
    searched.push(folder)
  }
  throw new MissingPackage('onnxruntime-node', searched, `npm install onnxruntime-node@${version}`)
}

/** Where `gradbook fetch cuda` puts ONNX Runtime's build for CUDA with NVIDIA's libraries. */
export const cudaFolder = (): string => join(cacheFolder(), 'cuda', `onnxruntime-${version}`)

/** Whether they are there: the folder is put in its place once it is whole. */
export const isCudaFetched = (): boolean => existsSync(join(cudaFolder(), bindingFile))

/** The library for a device. CUDA has its own, unless the installation of onnxruntime-node brought it (which gradbook's does not). */
export function findRuntimeOf(device: string): string {
  const { path } = findRuntime()
  if (device !== 'cuda' || existsSync(join(dirname(path), 'libonnxruntime_providers_cuda.so'))) return path
  return isCudaFetched() ? join(cudaFolder(), bindingFile) : path
}
