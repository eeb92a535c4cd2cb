export * from './optimizers/index.js'
export type * from './optimizer.js'
