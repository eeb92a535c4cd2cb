export { loadModel, saveModel } from './folder.js'
export { modelsFolder, publishedNamed, smolLM2 } from './published.js'
