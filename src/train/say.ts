// Training's door to it, beside its other parts.
export { say } from '../say.js'
