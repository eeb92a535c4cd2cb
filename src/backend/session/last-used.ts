import type { Structure } from '../graph/structure.js'

/** What was made for structures: the last used, as many as allowed. */
export class LastUsed<T extends { dispose(): void }> {
  private readonly kept = new Map<number, { structure: Structure; value: T }>()

  find(structure: Structure): T | undefined {
    const { hash } = structure
    const found = this.kept.get(hash)
    if (!found?.structure.equals(structure)) return undefined
    this.kept.delete(hash)
    this.kept.set(hash, found)
    return found.value
  }

  /** Takes a value; it takes the place of another of the same hash, and the one that was used longest ago makes room. */
  add(structure: Structure, value: T, most: number): void {
    this.kept.get(structure.hash)?.value.dispose()
    this.kept.set(structure.hash, { structure, value })
    while (this.kept.size > most) {
      const [oldest, gone] = this.kept.entries().next().value!
      this.kept.delete(oldest)
      gone.value.dispose()
    }
  }

  clear(): void {
    for (const { value } of this.kept.values()) value.dispose()
    this.kept.clear()
  }
}
