/** What is done to a cell before it runs, as one file to load: both halves stand on the parser. */
export { createLanguage } from '../../language/language.js'
export { withoutTypes } from '../../language/without-types.js'
export { createCompiler } from './compiler.js'
