import { GradbookError } from '../../../src/errors.js'

/** A package that is there, and does not offer what an import asks for. */
export class NotOffered extends GradbookError {
  override name = 'NotOffered'
  readonly code = 'ERR_PACKAGE_PATH_NOT_EXPORTED'
}
