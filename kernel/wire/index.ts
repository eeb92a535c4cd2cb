export { type Header, type Message, protocolVersion } from './message.js'
export { openWire, type Parent, type Wire } from './wire.js'
