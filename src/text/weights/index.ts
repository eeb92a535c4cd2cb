export { loadModel, saveModel } from './folder.js'
export { smolLM2 } from './smollm2.js'
