export { corpus } from './corpus.js'
export type { Corpus, CorpusOptions, CorpusSource, TextDocument } from './corpus.js'
export { brown, mobyDick, stateOfTheUnion } from './packaged.js'
