import { describe, InputError } from '../../errors.js'

/**
 * How good an answer is. Larger is better; what counts is the difference within a group of answers to one prompt.
 *
 * @param completion what the model wrote, without what ended it.
 * @param prompt what it answers, as the model got it.
 * @param example the record of the prompt, with all that it has beside.
 */
export type Reward<Example = { readonly [field: string]: unknown }> = (
  completion: string,
  prompt: string,
  example: Example,
) => number | boolean | Promise<number | boolean>

/** What is rewarded. */
export interface Answered<Example> {
  completion: string
  prompt: string
  example: Example
}

/**
 * The rewards of answers, at once where they are awaited.
 *
 * @throws InputError for a reward that throws, or gives what is no finite number, with the answer.
 */
export function rewardsOf<Example>(
  reward: Reward<Example>,
  answers: readonly Answered<Example>[],
  name: string,
): Promise<number[]> {
  return Promise.all(
    answers.map(async ({ completion, prompt, example }) => {
      const problem = (received: string) => ({
        where: `grpo: ${name}`,
        received: `${received} for the answer ${describe(completion)} to ${describe(prompt)}`,
        expected: 'a finite number',
      })
      let value: unknown
      try {
        value = await reward(completion, prompt, example)
      } catch (error) {
        throw new InputError(
          {
            ...problem(`an error (${error instanceof Error ? error.message : describe(error)})`),
            fix: 'Nothing was changed by this iteration: mend the function, make the objective anew, or catch there what an answer may break.',
          },
          { cause: error },
        )
      }
      if (typeof value === 'boolean') return Number(value)
      if (typeof value === 'number' && Number.isFinite(value)) return value
      throw new InputError({
        ...problem(describe(value)),
        fix: 'Number(text) of what is no number is NaN: give 0 there.',
      })
    }),
  )
}
