/** Numbers from `first` on, one for each place: read like an array, without being one. */
export function rangeFrom(first: number, length: number): ArrayLike<number> {
  // An array is quicker to read where it is small; a billion ids would be 4 GB.
  if (length <= most) return Int32Array.from({ length }, (_, at) => first + at)
  return new Proxy<ArrayLike<number>>(
    { length },
    {
      get(_, key) {
        if (key === 'length') return length
        const at = typeof key === 'string' ? Number(key) : NaN
        return Number.isInteger(at) && at >= 0 && at < length ? first + at : undefined
      },
      has: (_, key) =>
        key === 'length' || (typeof key === 'string' && Number(key) >= 0 && Number(key) < length),
    },
  )
}

const most = 1 << 20
