import type { ChatMessage } from '../chat/template.js'
import type { PreferencePair } from '../objectives/preferences.js'
import { messageOf, type TurnTree } from './tree.js'

/** Of answers to the same question each good one with each bad one. */
export function pairsOf(tree: TurnTree, before: readonly ChatMessage[]): PreferencePair[] {
  return tree.all
    .filter(({ role, rating }) => role === 'assistant' && rating === 'up')
    .flatMap((good) =>
      tree
        .beside(good)
        .filter(({ rating, content }) => rating === 'down' && content !== good.content)
        .map((bad) => ({
          prompt: [...before, ...tree.lineTo(good.parent).map(messageOf)],
          chosen: good.content,
          rejected: bad.content,
        })),
    )
}
