export { packWhole, type PackedPiece, type PackedRow } from './pack.js'
export type { TokenStore, TokenStream } from './token-store.js'
export { WindowDataset } from './window-dataset.js'
export { windows, type Windows, type WindowsOptions } from './windows.js'
