/** cell/: a cell's text to a runnable program. Pure functions; no protocol, no input or output. */
export { compileCell, type CompileOptions } from './compile.js'
export { applyEdits, shiftOffsets, sortEdits, type Edit } from './edits.js'
export { findLineStarts, lineOf, placeAt } from './lines.js'
export { compileModule, type CompiledModule } from './module.js'
export {
  augments,
  findExportedVariables,
  findExports,
  findNames,
  findSpecifiers,
  findTypeNames,
  type NameKind,
  type Names,
} from './names.js'
export { findNamespaces, mergeNamespaces, type Namespaces } from './namespaces.js'
export { parseCell, parseFile, type Parsed } from './parse.js'
export { createScope } from './scope.js'
export { asProgram, readSource, type Source } from './source.js'
export { findSource, readMappings, type Mapping } from './source-map.js'
export type { Emit } from './strip.js'
export { findTags, type Tags } from './tags.js'
export { syntaxOf, type Dialect } from './syntax.js'
export { cellFile, CellSyntaxError } from './syntax-error.js'
export type { CellSource, CompiledCell, Diagnostic, Place, Runtime } from './types.js'
