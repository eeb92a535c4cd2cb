/** JSON that was written already, by the thread that had what it says. Where it cannot be put in as it is, it is read again. */
export class Written {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }

  toJSON(): unknown {
    return JSON.parse(this.text)
  }
}

/** Half of a surrogate pair, which JSON writes as an escape. */
const loneSurrogate = /(?<=(?:^|[^\\])(?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g

/**
 * JSON cannot hold a bigint; a digit string is what a reader of the output wants to see. Half a surrogate pair it can hold,
 * but UTF-8 cannot: a notebook with one could not be saved, so it becomes U+FFFD, as everywhere that bytes are made of text.
 * Throws what `JSON.stringify` throws.
 */
export function toJson(value: object): string {
  const { data } = value as { data?: unknown }
  // The content of a message that shows something.
  if (data instanceof Written) {
    const { data: _, ...rest } = value as { data: Written }
    return `{"data":${data.text},${toJson(rest).slice(1)}`
  }
  const json = stringify(value)
  return json.includes('\\ud') ? json.replace(loneSurrogate, '\ufffd') : json
}

/** To ask a function about each value takes V8 twice as long, and hardly a message has a bigint. */
function stringify(value: object): string {
  try {
    return JSON.stringify(value)
  } catch {
    return JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? item.toString() : item))
  }
}
