import '../backend/tfjs/register.js'

export * from './tokenizers/index.js'
export * from './data/index.js'
export * from './models/index.js'
export * from './generation/index.js'
export * from './looking/index.js'
export * from './weights/index.js'
