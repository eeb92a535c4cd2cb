/** How a text is written in a program, so that what a message offers can be pasted: 'it\'s'. */
export const quote = (text: string): string =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`

/** Several of them as an array. */
export const quoteAll = (texts: readonly string[]): string => `[${texts.map(quote).join(', ')}]`

/** How a field of `record` is asked for: record.age, record['petal length']. */
export const fieldOf = (name: string): string =>
  /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) ? `record.${name}` : `record[${quote(name)}]`
