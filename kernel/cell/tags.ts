/** What a doc comment at the head of a cell asks for, in the words of tslab. */
export interface Tags {
  /** `@module name`: the cell is not run, it is the file `./name.ts` that other cells import. */
  module?: string
  /** `@browser`: the cell runs in the page that shows the notebook. `@node`, the default, takes it back. */
  browser?: boolean
}

/** The tags of the doc comments before the first line of code. */
export function findTags(text: string): Tags {
  const tags: Tags = {}
  if (!text.includes('@module') && !text.includes('@browser')) return tags
  const head = /^(?:\s+|\/\/[^\n]*(?:\n|$)|\/\*[^]*?\*\/)*/.exec(text)![0]
  for (const [comment] of head.matchAll(/\/\*\*[^]*?\*\//g))
    for (const [, tag, word] of comment.matchAll(/(?:^\/\*\*|\n)[\s*]*@(\w+)(?:[ \t]+([^\s*]+))?/g))
      if (tag === 'module' && word && /^[\w-][\w./-]*$/.test(word) && !word.includes('..'))
        tags.module = word.replace(/\.tsx?$/, '')
      else if (tag === 'browser') tags.browser = true
      else if (tag === 'node') tags.browser = false
  return tags
}
