export { loadModel, saveModel } from './folder.js'
