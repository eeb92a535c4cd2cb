import { maybeHost } from './host.js'

/** A line for the user, wherever output goes; where nobody has said, as for a program of `gradbook/data` alone, to stderr. */
export function say(line: string): void {
  const host = maybeHost()
  if (host) host.display({ 'text/plain': line }, { raw: true })
  else if (globalThis.process?.stderr) process.stderr.write(`${line}\n`)
  else console.warn(line)
}
