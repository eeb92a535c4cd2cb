export * from './errors.js'
export * from './host.js'
export type * from './views.js'
export type * from './data/dataset.js'
