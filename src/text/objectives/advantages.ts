/** 'unbiased' as in Liu et al. 2025 (arXiv 2503.20783, "Dr. GRPO"), 'original' as in Shao et al. 2024 (arXiv 2402.03300). */
export type GrpoForm = 'unbiased' | 'original'

/** Added to a deviation that is divided by: what TRL adds. */
const small = 1e-4

/**
 * By how much each reward is above the mean of its group; in the original form in units of the group's deviation (of a sample), which
 * makes more of questions that are nearly always, or nearly never, answered right.
 *
 * @param rewards group after group.
 * @returns the advantages, and how many groups have one reward throughout: they teach nothing.
 */
export function advantagesOf(
  rewards: readonly number[],
  group: number,
  form: GrpoForm,
): { advantages: number[]; same: number } {
  const advantages: number[] = []
  let same = 0
  for (let from = 0; from < rewards.length; from += group) {
    const some = rewards.slice(from, from + group)
    if (some.every((reward) => reward === some[0])) {
      // Exactly: the mean of equal numbers may differ from them by rounding.
      same++
      advantages.push(...some.map(() => 0))
      continue
    }
    const mean = some.reduce((a, b) => a + b, 0) / group
    const above = some.map((reward) => reward - mean)
    const deviation = Math.sqrt(above.reduce((sum, one) => sum + one * one, 0) / (group - 1))
    advantages.push(...above.map((one) => (form === 'original' ? one / (deviation + small) : one)))
  }
  return { advantages, same }
}
