export {
  judge,
  type AnswerPair,
  type Choice,
  type JudgeOptions,
  type Judging,
  type ToJudge,
} from './judge.js'
export type { Judgement } from './report.js'
