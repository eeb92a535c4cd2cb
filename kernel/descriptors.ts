/**
 * File descriptors 1 and 2, for what child processes and native code write there: they become pipes that the protocol
 * thread reads, so that it lands in the running cell.
 *
 * Node can neither make a pipe nor duplicate a descriptor. But a named pipe can be opened, and `open` gives the lowest
 * number that is free: the one that was closed just before. This happens before there is a second thread that could open
 * something in between (0.2 ms; the shell that makes the pipes takes 3 to 5).
 *
 * The same shell stays behind as the keeper: it still has the standard error that the kernel was started with and writes
 * the kernel's log there; and when the kernel is gone, however that came, it ends the processes that are left. It knows
 * them by their environment, which children of children inherit too and which nobody loses by the end of its parent; where
 * there is no /proc to read that from, by the list of children it was told of.
 */
import { spawnSync, type SpawnSyncOptions } from 'node:child_process'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { inTemporaryFolder, NoTemporaryFolder } from './temporary.js'

export interface Descriptors {
  /** Where what was written to 1 and 2 is read; they do not block. */
  stdout: number
  stderr: number
  /** Takes lines for the keeper: `log …` to be written, `+ pid` and `- pid` of children. */
  keeper: number
}

const keeper = `
mkfifo -m 600 "$1/1" "$1/2" "$1/keeper" || exit 1
(
  trap '' INT TERM HUP
  exec <"$1/keeper" >/dev/null
  rm -rf "$1"
  children=' '
  while IFS= read -r line; do
    pid="\${line#* }"
    case "$line" in
      'log '*) printf '%s\\n' "$pid" >&2 ;;
      '+ '*) children="$children$pid " ;;
      '- '*) case "$children" in *" $pid "*) children="\${children%% $pid *} \${children#* $pid }" ;; esac ;;
    esac
  done
  for signal in TERM KILL KILL; do
    for file in $(grep -l "$2" /proc/[0-9]*/environ); do
      file="\${file#/proc/}"
      children="$children\${file%/environ} "
    done
    case "$children" in *[0-9]*) ;; *) exit ;; esac
    for pid in $children; do kill -$signal "$pid"; done
    children=' '
    sleep 1
  done 2>/dev/null
) &
`

/** In the environment of all that a kernel has started. */
const mark = 'GRADBOOK_KERNEL'

/** Redirects 1 and 2. `undefined` where there are no named pipes (Windows): then they stay what they are. */
export function redirectDescriptors(): Descriptors | undefined {
  if (process.platform === 'win32') return undefined
  // In a session of its own: who kills the kernel's process group means the kernel, and this has to go on after it.
  const options: SpawnSyncOptions & { detached: boolean } = {
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
    // Not among those that it ends, nor among those of a kernel that this one was started from.
    env: { ...process.env, [mark]: '' },
  }
  const told: string[] = []
  let made: { folder: string; id: string }
  try {
    made = inTemporaryFolder(
      'gradbook-kernel-',
      (folder) => {
        // Not from node:crypto, whose loading the kernel's start would wait for.
        const id = `${process.pid}-${Date.now()}-${folder.slice(-6)}`
        const { status } = spawnSync(
          'sh',
          ['-c', keeper, 'gradbook-keeper', folder, `${mark}=${id}`],
          options,
        )
        if (status !== 0) throw Object.assign(new Error('it takes no named pipes'), { code: 'ENOTSUP' })
        return { folder, id }
      },
      { tell: (line) => told.push(line) },
    )
  } catch (error) {
    if (!(error instanceof NoTemporaryFolder)) throw error
    writeSync(2, `[gradbook] ${error.message}\n`)
    return undefined
  }
  const { folder, id } = made
  const open = (name: string): number =>
    openSync(join(folder, name), constants.O_RDONLY | constants.O_NONBLOCK)
  const read = { stdout: open('1'), stderr: open('2') }
  for (const [name, descriptor] of [
    ['1', 1],
    ['2', 2],
  ] as const) {
    closeSync(descriptor)
    const opened = openSync(join(folder, name), 'w')
    if (opened !== descriptor) throw new Error(`descriptor ${descriptor} was taken: received ${opened}`)
  }
  process.env[mark] = id
  // Waits for the keeper's end to be open, and lets it remove the folder.
  const end = openSync(join(folder, 'keeper'), 'w')
  for (const line of told) writeSync(end, `log [gradbook] ${line}\n`)
  return { ...read, keeper: end }
}
