import { withRandomness } from '../../backend/random/index.js'
import { examplesAt } from '../model/batch.js'
import type { Dataset } from '../../data/dataset.js'
import type { Mistake, TokenRow } from '../../views.js'
import { looking, tidily } from '../model/gradients.js'
import type { PlaceSeen } from '../model/trainee.js'
import { keyOf } from '../order/key.js'
import type { Core } from '../state/core.js'

/** Examples in one forward pass: the probabilities of all tokens at each place take memory. */
const atOnce = 4

/**
 * What the model makes of some examples token by token, where they are made of tokens; undefined where they are not. What is
 * predicted of an example is its last token, as what is expected is.
 */
export function tokensAt(
  core: Core,
  dataset: Dataset,
  positions: readonly number[],
): Pick<Mistake, 'predicted' | 'probability' | 'tokens'>[] | undefined {
  const { trainee, settings } = core
  if (!trainee.places || !dataset.tokenText) return undefined
  const text = (value: number) => dataset.tokenText!(value)
  const found: PlaceSeen[][] = []
  for (let from = 0; from < positions.length; from += atOnce) {
    const some = positions.slice(from, from + atOnce)
    const seed = keyOf(settings.seed, 'evaluation', some[0]!)
    found.push(
      ...withRandomness({ seed, iteration: core.state.iteration }, () =>
        tidily(() => {
          const batch =
            dataset === core.data
              ? core.batchAt(Int32Array.from(some))
              : { ...examplesAt(dataset, some), iteration: core.state.iteration }
          return looking(trainee, () => trainee.places!(batch))
        }),
      ),
    )
  }
  return found.map((places) => {
    const learned = places.filter(({ expected }) => expected >= 0)
    const last = learned.at(-1)?.best[0]
    return {
      predicted: last ? text(last.value) : '',
      ...(last && { probability: last.probability }),
      tokens: learned.map(({ expected, loss, best }): TokenRow => ({
        token: text(expected),
        loss,
        best: best.map(({ value, probability }) => ({ token: text(value), probability })),
      })),
    }
  })
}
