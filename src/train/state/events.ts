/** Who writes down what happens to a run beside its iterations: its journal. */
export interface Events {
  event(
    type: 'adjustment' | 'evaluation' | 'look' | 'note' | 'spike' | 'stop',
    data: { [name: string]: unknown },
  ): void
}

/** Of a copy that is made to try something. */
export const unwritten: Events = { event() {} }
