/** cell/: a cell's text to a runnable program. Pure functions; no protocol, no input or output. */
export { CellSyntaxError, cellFile, compileCell, type CompileOptions } from './compile.js'
export { findLineStarts, lineOf, placeAt } from './lines.js'
export { findExports, findNames, findTypeNames, type NameKind, type Names } from './names.js'
export { parseCell, type Dialect, type Parsed } from './parse.js'
export { asProgram, readSource, type Source } from './source.js'
export { findSource, readMappings, type Mapping } from './source-map.js'
export type { CellSource, CompiledCell, Diagnostic, Place, Runtime } from './types.js'
