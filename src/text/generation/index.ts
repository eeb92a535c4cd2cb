export type { GenerateOptions, Piece, StreamOptions } from './generate.js'
export type { SampleOptions } from './sample.js'
export type { TokenLoss, TokenLosses, TokenLossOptions } from './token-losses.js'
