/**
 * Where a text may be cut so that its parts, tokenised one by one, give the tokens of the whole: between words, over whose
 * borders no pattern goes. Behind a line's end between letters; where there is none, before a space between letters.
 *
 * @param wanted the first place that is good enough.
 * @returns undefined where the text has no such place from there on.
 */
export function maybeCut(text: string, wanted: number): number | undefined {
  for (let at = text.indexOf('\n', wanted); at !== -1; at = text.indexOf('\n', at + 1))
    if (/[^\s]\n\p{L}/u.test(text.slice(at - 1, at + 3))) return at + 1
  for (let at = text.indexOf(' ', wanted); at !== -1; at = text.indexOf(' ', at + 1))
    if (/\p{L} \p{L}/u.test(text.slice(at - 1, at + 3))) return at
  return undefined
}

/** A place from `wanted` on that is not within a character. */
export function betweenCharacters(text: string, wanted: number): number {
  const code = text.charCodeAt(wanted)
  return code >= 0xdc00 && code <= 0xdfff ? wanted + 1 : wanted
}
