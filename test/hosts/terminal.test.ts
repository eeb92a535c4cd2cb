/* eslint-disable no-control-regex -- the codes of a terminal are what is tested */
import { describe, expect, it } from 'vitest'
import { terminalHost } from '../../src/hosts/index.js'
import { runView } from '../show/sample-views.js'

/** A terminal of 60 columns: what is on its lines after everything that was written. */
function screen(more: { isTTY?: boolean } = { isTTY: true }) {
  let written = ''
  return {
    columns: 60,
    ...more,
    write(text: string) {
      written += text
    },
    get bytesWritten() {
      return written.length
    },
    get raw() {
      return written
    },
    get lines() {
      const lines: string[] = []
      for (const piece of written.split(/(?<=\n)|(?=\u001b)|(?<=\u001b\[1A\u001b\[2K)/)) {
        if (piece === '\u001b[1A') lines.pop()
        else if (piece.startsWith('\u001b[2K')) continue
        else lines.push(piece.replace(/\n$/, ''))
      }
      return lines
    },
  }
}

const live = (iteration: number) => runView(iteration, { live: true, to: 1000, milliseconds: iteration * 5 })

describe('the terminal host', () => {
  it('redraws the progress of a run in one line, then leaves its summary', () => {
    const stream = screen()
    const handle = terminalHost({ stream }).display(live(100))
    handle.update(live(200))
    handle.update(live(300))
    expect(stream.lines).toHaveLength(1)
    expect(stream.lines[0]).toMatch(/^first {2}█+.?░+ 300\/1,000 {2}loss 0\.\d+ {2}accuracy 0\.\d+ {2}3\.5 s/)
    expect(stream.lines[0]!.length).toBeLessThan(60)
    handle.update(runView(1000))
    expect(stream.lines[0]).toMatch(/^first: iteration 1,000 · loss/)
    expect(stream.lines.join('\n')).not.toContain('░')
  })

  it('does not draw over what others wrote in between', () => {
    const stream = screen()
    const host = terminalHost({ stream })
    const handle = host.display(live(100))
    stream.write('mine\n')
    handle.update(live(200))
    expect(stream.lines.map((line) => line.slice(0, 5))).toEqual(['first', 'mine', 'first'])
  })

  it('gives each of two runs a line of its own', () => {
    const stream = screen()
    const host = terminalHost({ stream })
    const [a, b] = [host.display(live(100)), host.display({ ...live(100), name: 'other' })]
    a.update(runView(1000))
    b.update({ ...runView(1000), name: 'other' })
    expect(stream.raw).toContain('first: iteration 1,000')
    expect(stream.raw).toContain('other: iteration 1,000')
  })

  it('writes a line now and then where nothing can be redrawn, and no control codes', () => {
    const stream = screen({})
    const handle = terminalHost({ stream, every: 60_000 }).display(live(100))
    for (let i = 101; i < 200; i++) handle.update(live(i))
    handle.update(runView(1000))
    expect(stream.lines.map((line) => line.slice(0, 20))).toEqual([
      'first  ██░░░░░░░░░░░',
      'first: iteration 1,0',
      expect.stringMatching(/^[▁-█]+$/),
      expect.stringMatching(/^iteration +loss +e/),
      expect.anything(),
      ...Array.from({ length: 8 }, () => expect.stringMatching(/^ +\d/)),
    ])
    expect(stream.raw).not.toContain('\u001b')
  })

  it('shows any value as text, and a bundle by its text', () => {
    const stream = screen({})
    const host = terminalHost({ stream })
    host.display('plain')
    host.display({ a: 1 })
    host.display({ 'text/plain': 'raw one', 'text/html': '<b>' }, { raw: true })
    host.display([{ a: 1 }, { a: 2 }])
    expect(stream.lines).toEqual(['plain', '{ a: 1 }', 'raw one', 'a', '─', '1', '2', '2 rows × 1 column'])
  })

  it('updates a display by its name', () => {
    const stream = screen()
    const host = terminalHost({ stream })
    expect(host.display(live(1), { display_id: 'mine' }).id).toBe('mine')
    host.display(live(2), { display_id: 'mine' })
    expect(stream.lines).toHaveLength(1)
  })

  it('goes on when its stream is closed', () => {
    const host = terminalHost({
      stream: {
        write() {
          throw new Error('EPIPE')
        },
      },
    })
    expect(() => host.display('x')).not.toThrow()
  })

  it('turns Ctrl-C into an abort while a run is live, and only then', () => {
    const stream = screen({})
    const host = terminalHost({ stream })
    process.removeAllListeners('SIGINT') // those of runs above that were left live
    const before = process.listenerCount('SIGINT')
    const handle = host.display(live(1))
    const { interrupt } = host
    expect(process.listenerCount('SIGINT')).toBe(before + 1)
    process.emit('SIGINT')
    expect([host.interrupted, interrupt.aborted]).toEqual([true, true])
    handle.update(runView(10))
    expect(process.listenerCount('SIGINT')).toBe(before)
    // Before the next run shows anything: it looks at this flag first.
    expect([host.interrupted, host.interrupt.aborted]).toEqual([false, false])
  })

  it('has nobody to ask without a terminal', async () => {
    const host = terminalHost({ stream: screen({}) })
    expect([host.prompt('name?'), host.confirm('sure?')]).toEqual([null, false])
  })
})
