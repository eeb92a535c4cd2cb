/** `gradbook ray`: the nodes of a cluster, and what each lacks. */
import { rayNodes } from '../../src/sweep/index.js'

/** @returns the exit code: 1 where a node lacks something. */
export async function ray(options: { address?: string; python?: string }): Promise<number> {
  const { version, nodes } = await rayNodes(options)
  console.log(`Ray ${version}, ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}`)
  for (const { node, address, resources, lacks } of nodes) {
    const has = Object.entries(resources).filter(
      ([name]) => !name.startsWith('node:') && !name.endsWith('memory'),
    )
    console.log(`${node}  ${address}  ${has.map(([name, count]) => `${name} ${count}`).join(', ')}`)
    console.log(lacks === null ? '  ready for trials' : `  lacks ${lacks}`)
  }
  return nodes.every(({ lacks }) => lacks === null) ? 0 : 1
}
