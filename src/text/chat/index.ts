export { applyChatTemplate, encodeChat } from './template.js'
export type { ChatMessage, ChatTemplateOptions } from './template.js'
