import { expect, it, vi } from 'vitest'
import { createMessage } from '../../../kernel/cli/client/index.js'
import { TerminalPrinter } from '../../../kernel/cli/notebook/terminal.js'

/** Both streams on one screen, and a clock that is set by hand. */
function screen({ terminal = false } = {}) {
  const shown = { out: '', err: '', all: '', now: 0 }
  const sink = (name: 'out' | 'err') => ({
    isTTY: terminal,
    columns: 20,
    write: (text: string) => {
      shown[name] += text
      shown.all += text
    },
  })
  const printer = new TerminalPrinter(sink('out'), sink('err'), () => shown.now)
  const take = (type: string, content: unknown): void =>
    printer.take(createMessage('s', 'iopub', type, content))
  const show = (type: string, text: string, display_id?: string): void =>
    take(type, { data: { 'text/plain': text }, metadata: {}, transient: { display_id } })
  return { shown, printer, take, show }
}

it('prints streams as they come and results on lines of their own', () => {
  const { shown, printer, take, show } = screen()
  take('stream', { name: 'stdout', text: 'no newline' })
  show('execute_result', '42')
  printer.endCell()
  expect(shown.out).toBe('no newline\n42\n')
})

it('tells of progress now and then where there is no terminal, and the last state at the end', () => {
  const { shown, printer, show } = screen()
  show('display_data', '0 %', 'run')
  for (let step = 1; step <= 30; step++) {
    shown.now = step * 1_000
    show('update_display_data', `${step} s`, 'run')
  }
  show('update_display_data', 'done', 'run')
  printer.endCell()
  expect(shown.out).toBe('0 %\ndone\n')
  expect(shown.err).toBe('10 s\n20 s\n30 s\n')
})

it('redraws one line in place on a terminal, below what is printed meanwhile, never wider than the screen', () => {
  const { shown, printer, take, show } = screen({ terminal: true })
  show('display_data', '0 %', 'run')
  show('update_display_data', '1 % of a very long line of progress', 'run')
  take('stream', { name: 'stdout', text: 'printed\n' })
  show('update_display_data', 'done', 'run')
  printer.endCell()
  const erase = '\r\x1b[J'
  const line = '1 % of a very long…'
  expect(shown.all).toBe(`0 %${erase}${line}${erase}printed\n${line}${erase}done${erase}done\n`)
})

it('keeps the order of a display that nobody updates and what comes after it', () => {
  const { shown, printer, take, show } = screen({ terminal: true })
  show('display_data', 'first', 'a')
  take('stream', { name: 'stdout', text: 'second\n' })
  show('display_data', 'third', 'b')
  printer.endCell()
  const erase = '\r\x1b[J'
  expect(shown.all).toBe(`first${erase}first\nsecond\nthird${erase}third\n`)
})

it('uses no colours where NO_COLOR asks for that', () => {
  vi.stubEnv('NO_COLOR', '1')
  try {
    const { shown, printer, take } = screen({ terminal: true })
    printer.startCell('code', 1, 2)
    take('error', { traceback: ['\x1b[31mE\x1b[39m'] })
    expect(shown.all).toBe('[1/2] code\nE\n')
  } finally {
    vi.unstubAllEnvs()
  }
})

it('writes an error with colours to a terminal and without to a file', () => {
  for (const terminal of [true, false]) {
    const { shown, take } = screen({ terminal })
    take('error', { traceback: ['\x1b[31mE\x1b[39m', 'x'] })
    expect(shown.out).toBe(terminal ? '\x1b[31mE\x1b[39m\nx\n' : 'E\nx\n')
  }
})
