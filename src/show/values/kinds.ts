import type { MimeBundle } from '../../host.js'
import type { RunView, View } from '../../views.js'
import { confusionBundle } from '../charts/confusion.js'
import { examplesBundle } from '../charts/examples.js'
import { HistoryLines } from '../charts/run/history-lines.js'
import { iterationBundle } from '../charts/iteration.js'
import { lossChart } from '../charts/run/loss-chart.js'
import { runText } from './progress.js'
import { runData, runMime } from './run-data.js'
import { comparisonBundle, roundsBundle, stretchBundle } from './results.js'
import { vegaLite } from '../spec.js'
import { tokensBundle } from '../charts/text/tokens.js'
import { tokenizationBundle } from '../charts/text/tokenization.js'
import { attentionBundle } from '../charts/text/attention.js'
import { chatBundle } from '../charts/text/chat.js'
import { lensBundle } from '../charts/text/lens.js'
import { curvesBundle } from '../charts/curves.js'
import { rolloutsBundle } from '../charts/text/rollouts.js'
import { samplesBundle } from '../charts/text/samples.js'
import { scalingBundle } from '../charts/scaling.js'
import { studyBundle } from '../charts/study.js'
import { answersBundle, answersComparisonBundle } from '../charts/text/answers.js'
import { judgementsBundle } from '../charts/text/judgements.js'
import { tokenSlicesBundle } from '../charts/text/token-slices.js'

/** While it trains a lowest and a highest point every four pixels: they are replaced before anyone counts them. */
const live = { points: 1500, linePoints: 300 }

function runBundle(view: RunView, width?: number): MimeBundle {
  const lines = new HistoryLines()
  return {
    [runMime]: runData(view, view.live ? live.linePoints : undefined, lines),
    [vegaLite]: lossChart(view, { ...(view.live && live), ...(width && { width }) }, lines),
    'text/plain': runText(view),
  }
}

type Pictures = {
  readonly [Kind in View['kind']]: (view: Extract<View, { kind: Kind }>, width?: number) => MimeBundle
}

/** What each kind of result looks like. */
export const kinds: Pictures = {
  run: runBundle,
  examples: examplesBundle,
  mistakes: examplesBundle,
  confusion: confusionBundle,
  iteration: iterationBundle,
  stretch: stretchBundle,
  rounds: roundsBundle,
  comparison: comparisonBundle,
  tokens: tokensBundle,
  tokenization: tokenizationBundle,
  samples: samplesBundle,
  rollouts: rolloutsBundle,
  curves: curvesBundle,
  tokenSlices: tokenSlicesBundle,
  attention: attentionBundle,
  lens: lensBundle,
  scaling: scalingBundle,
  study: studyBundle,
  chat: chatBundle,
  answers: answersBundle,
  answersComparison: answersComparisonBundle,
  judgements: judgementsBundle,
}

/** What tells a result of ours from another object that happens to have such a `kind`. */
const parts: { readonly [Kind in View['kind']]: readonly (keyof Extract<View, { kind: Kind }> & string)[] } =
  {
    run: ['history', 'evaluations', 'adjustments', 'metrics'],
    examples: ['rows'],
    mistakes: ['rows', 'iteration'],
    confusion: ['labels', 'counts'],
    iteration: ['examples', 'parameters'],
    stretch: ['run', 'from', 'to'],
    rounds: ['run', 'rows'],
    comparison: ['runs', 'rows'],
    tokens: ['length'],
    tokenization: ['tokens', 'longest', 'bytesPerToken'],
    samples: ['prompts', 'rows'],
    rollouts: ['prompt', 'rows'],
    curves: ['panels', 'notes'],
    tokenSlices: ['classes', 'frequencies', 'positions'],
    attention: ['weights', 'tokens'],
    lens: ['layers', 'tokens'],
    scaling: ['points', 'curve', 'predictions'],
    study: ['objectives', 'parameters', 'trials'],
    chat: ['turns'],
    answers: ['rows', 'slices', 'right'],
    answersComparison: ['rows', 'names', 'chance'],
    judgements: ['people', 'agreement', 'pairs'],
  }

/**
 * The picture of a value that names its kind; `undefined` for any other.
 *
 * @param width pixels that its plots may take where it stands beside others.
 */
export function maybeKind(value: object, width?: number): MimeBundle | undefined {
  const kind = (value as { kind?: unknown }).kind
  if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind)) return undefined
  const known = kind as View['kind']
  if (!parts[known].every((part) => (value as { [part: string]: unknown })[part] !== undefined))
    return undefined
  return (kinds[known] as (view: never, width?: number) => MimeBundle)(value as never, width)
}
