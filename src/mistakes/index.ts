export { confusionOf, type ClassRow, type Confusion } from './confusion.js'
export type { EvaluationDetail } from './detail.js'
export { expectedClass, mistakeAt, mistakesOf, type MistakesBy } from './rows.js'
