/** A request that cannot be done now; the text says why. */
export class Refused extends Error {
  override name = 'Refused'
}
