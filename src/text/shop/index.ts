export { shop } from './shop.js'
export type { Conversation, Intent, Shop, ShopOptions, ShopPair, ShopQuestion } from './shop.js'
