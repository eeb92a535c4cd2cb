export { openShards, type Shards } from './open.js'
export { shards, type ShardsOptions } from './shards.js'
