import * as tf from '@tensorflow/tfjs'

/** Where an export is imported from. */
export interface Export {
  readonly module: string
  readonly name: string
}

/** Objects and functions that gradbook and tfjs export, by themselves: what is one of them is imported again, not sent. */
export async function knownExports(): Promise<ReadonlyMap<unknown, Export>> {
  const known = new Map<unknown, Export>()
  const add = (value: unknown, module: string, name: string) => {
    if ((typeof value === 'object' && value !== null) || typeof value === 'function')
      if (!known.has(value)) known.set(value, { module, name })
  }
  const modules: [string, object][] = [
    ['gradbook', await import('../../index.js')],
    ['gradbook/data', await import('../../data/index.js')],
    ['gradbook/backend', await import('../../backend/index.js')],
    ['@tensorflow/tfjs', tf],
  ]
  for (const [module, namespace] of modules) {
    add(namespace, module, '*')
    for (const [name, value] of Object.entries(namespace)) add(value, module, name)
  }
  // tf.losses.meanSquaredError, tf.layers.dense.
  const groups: { readonly [group: string]: object } = tf as never
  for (const group of [
    'layers',
    'losses',
    'initializers',
    'regularizers',
    'constraints',
    'metrics',
    'train',
    'image',
    'linalg',
    'signal',
  ] as const)
    for (const [name, value] of Object.entries(groups[group]!))
      add(value, '@tensorflow/tfjs', `${group}.${name}`)
  return known
}
