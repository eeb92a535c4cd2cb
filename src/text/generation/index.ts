export type { GenerateOptions, Piece, Prompt, StreamOptions } from './generate.js'
export type { SampleOptions } from './sample.js'
export type { TokenLoss, TokenLosses, TokenLossOptions } from './token-losses.js'
