import { mkdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs'
import { InputError } from '../../errors.js'
import { atomically, during } from '../../settle.js'
import { writeWhole } from '../../whole-file.js'

/** `file:///models/digits`, and `file://./model` as tfjs-node takes it. */
function pathOf(url: string): string {
  return url.startsWith('file:///') ? fileURLToPath(url) : resolve(url.slice('file://'.length))
}

/** Writes a model into a folder: `model.json` and `weights.bin`, the layout of tfjs-node and of the converter. */
async function save(folder: string, artifacts: tf.io.ModelArtifacts): Promise<tf.io.SaveResult> {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw new InputError(
      {
        where: "model.save('file://…')",
        received: `'file://${folder}', where no folder can be made (${(error as NodeJS.ErrnoException).code})`,
        expected: 'a folder, which is made where it is missing',
        fix: 'Choose another place, or move away the file of that name.',
      },
      { cause: error },
    )
  }
  const weights = tf.io.CompositeArrayBuffer.join(artifacts.weightData)
  const {
    modelTopology,
    weightSpecs,
    format,
    generatedBy,
    convertedBy,
    trainingConfig,
    signature,
    userDefinedMetadata,
  } = artifacts
  const json = {
    modelTopology,
    format,
    generatedBy,
    convertedBy,
    trainingConfig,
    signature,
    userDefinedMetadata,
    weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }],
  }
  // Stop leaves both files or neither: the weights of one model beside the layers of another would load without a word.
  atomically(() => {
    writeWhole(join(folder, 'weights.bin'), new Uint8Array(weights))
    writeWhole(join(folder, 'model.json'), JSON.stringify(json))
  })
  return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) }
}

/** What is wrong with what is read, and what to read instead. */
function unreadable(received: string, cause: unknown): InputError {
  return new InputError(
    {
      where: 'tf.loadLayersModel(…)',
      received,
      expected: 'the model.json of a saved model, and its weights beside it',
      fix: `Save one with model.save('file://FOLDER'), and load 'file://FOLDER/model.json'.`,
    },
    { cause },
  )
}

function readFor<T>(path: string, read: (path: string) => T): T {
  try {
    return read(path)
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message
    throw unreadable(`'file://${path}', which cannot be read (${why})`, error)
  }
}

async function load(path: string): Promise<tf.io.ModelArtifacts> {
  const json = readFor(path, () => JSON.parse(readFileSync(path, 'utf8')) as tf.io.ModelJSON)
  if (!json?.modelTopology) throw unreadable(`'file://${path}', which has no modelTopology`, undefined)
  return tf.io.getModelArtifactsForJSON(json, async (manifest) => {
    const specs = manifest.flatMap(({ weights }) => weights)
    const parts = manifest.flatMap(({ paths }) =>
      paths.map((name) => readFor(join(dirname(path), name), (file) => readFileSync(file))),
    )
    return [specs, new Uint8Array(Buffer.concat(parts)).buffer]
  })
}

let asking = false

/** A handler for `file://`, unless another package (tfjs-node) has one: tfjs refuses to choose between two. */
function router(
  others: (url: string) => unknown[],
  handler: (path: string) => tf.io.IOHandler,
): (url: string | string[]) => tf.io.IOHandler {
  return (url) => {
    if (asking || typeof url !== 'string' || !url.startsWith('file://')) return null as never
    return during(
      () => void (asking = false),
      () => {
        asking = true
        return others(url).length > 0 ? (null as never) : handler(pathOf(url))
      },
    )
  }
}

/** Lets `model.save('file://…')` and `tf.loadLayersModel('file://…')` work in Node. */
export function registerFiles(): void {
  tf.io.registerSaveRouter(
    router(tf.io.getSaveHandlers, (folder) => ({ save: (artifacts) => save(folder, artifacts) })),
  )
  tf.io.registerLoadRouter(router(tf.io.getLoadHandlers, (path) => ({ load: () => load(path) })))
}
