/**
 * The protocol thread's first file. It runs the others, one file by then, with the bytecode that V8 made of them in an earlier
 * kernel of the same Node: 9 ms of processor time less until the kernel answers, 11 until its first cell is done.
 *
 * The bytecode lies beside the file, so only who may change that may change it. V8 looks at its own version and flags and at the
 * length of the text; that the text is the same is said by the name, which the build makes of what is in the file. What is in
 * the bytecode V8 believes: a file that a machine lost power over would end every kernel, so it begins with its checksum.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'
import { crc32 } from 'node:zlib'

/** The name of the file that is run; the build writes it in here. */
declare const $protocol: string

const here = dirname(fileURLToPath(import.meta.url))
const file = join(here, $protocol)
const kept = `${file}.${process.version}-${process.arch}.cache`

const checksumBytes = 4

function maybeRead(): Buffer | undefined {
  try {
    const file = readFileSync(kept)
    const code = file.subarray(checksumBytes)
    return crc32(code) === file.readUInt32LE() ? code : undefined
  } catch {
    return undefined
  }
}

const cachedData = maybeRead()
const script = new vm.Script(
  `(function (exports, require, module, __filename, __dirname, $keepCode, $import) {${readFileSync(file, 'utf8')}\n})`,
  { filename: file, ...(cachedData ? { cachedData } : {}) },
)

/** What `import` is in that file: of what has come from kept bytecode Node does not know whose `import` it is, and refuses. */
const importHere = (specifier: string): Promise<unknown> => import(specifier)

/** Keeps the bytecode of all that has run by now. */
function keepCode(): void {
  if (cachedData && !script.cachedDataRejected) return
  const own = `${kept}.${process.pid}`
  try {
    // Whole or not at all: another kernel may be reading it.
    const code = script.createCachedData()
    const checksum = Buffer.alloc(checksumBytes)
    checksum.writeUInt32LE(crc32(code))
    writeFileSync(own, Buffer.concat([checksum, code]))
    renameSync(own, kept)
  } catch {
    // Not everybody may write there, and where the disk is full half of it helps nobody.
    rmSync(own, { force: true })
  }
}

const module = { exports: {} }
script.runInThisContext()(module.exports, createRequire(file), module, file, here, keepCode, importHere)
