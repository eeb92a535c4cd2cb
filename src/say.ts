import { maybeHost } from './host.js'

/** A line for the user, wherever output goes. */
export function say(line: string): void {
  maybeHost()?.display({ 'text/plain': line }, { raw: true })
}
