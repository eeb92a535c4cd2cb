export { chat, Chat, type AskOptions, type ChatModel, type ChatOptions, type ChatSettings } from './chat.js'
export { Answer } from './answer.js'
export type { AnswerEnd, Turn } from './tree.js'
