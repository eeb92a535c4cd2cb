export { windows, type WindowDataset, type Windows, type WindowsOptions } from './windows.js'
