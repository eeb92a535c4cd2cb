/**
 * Changes that last while a function runs. Stop in a notebook may end JavaScript between any two lines, and `finally` is
 * skipped then; so what would be restored there is written down, and restored before the run is next used.
 */
const open: (() => void)[] = []

/** Makes sure that `restore` is called: by the function that is given, or, where that was skipped, by `restoreAll`. */
export function temporary(restore: () => void): () => void {
  open.push(restore)
  return () => {
    const at = open.lastIndexOf(restore)
    if (at < 0) return
    open.splice(at, 1)
    restore()
  }
}

/** Restores what was left, the latest first. No function that made a change may be running. */
export function restoreAll(): void {
  while (open.length > 0) open.pop()!()
}
