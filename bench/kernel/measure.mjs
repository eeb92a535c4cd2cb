/** One kernel from its start to its end, with the time of each thing that a user waits for. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startKernel } from '../../dist/kernel/cli/client/index.js'

/** Bytes of the process and all its descendants, shared pages counted by share where Linux tells. */
function treeMemory(root) {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,rss='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
  const tree = new Set([root])
  for (let size = 0; size !== tree.size;) {
    size = tree.size
    for (const [pid, parent] of rows) if (tree.has(parent)) tree.add(pid)
  }
  let bytes = 0
  for (const [pid, , rss] of rows) {
    if (!tree.has(pid)) continue
    try {
      bytes += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]) * 1024
    } catch {
      bytes += rss * 1024
    }
  }
  return bytes
}

async function timed(work) {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/**
 * Measures `repeats` of each steady thing. A cell that fails ends the measurement: a fast error is no speed.
 * Resolves to lists of milliseconds by name, `memory` in MB.
 */
export async function measure({ command, folder }, cells, { repeats, note, patience = 120_000 }) {
  const figures = {}
  const add = (name, value) => (figures[name] ??= []).push(value)
  // Not in the project: its tsconfig.json would be the notebook's.
  const empty = mkdtempSync(join(tmpdir(), 'gradbook-bench-'))
  const began = performance.now()
  const kernel = await startKernel({ command, folder: folder ?? empty, timeout: 60_000 })
  // A kernel that has stopped answering is ended, which rejects whatever waits for it.
  const limit = setTimeout(() => kernel.kill(), patience)
  const run = async (code) => {
    const { reply } = await kernel.execute(code)
    if (reply.content.status !== 'ok')
      throw new Error(`${code}: ${reply.content.ename}: ${reply.content.evalue}`)
  }
  const steady = async (name, work) => {
    for (let n = 0; n < repeats; n++) add(name, await timed(() => work(n)))
  }
  /** All lines or no figure: tslab drops most of them, and with them the word that the cell has ended. */
  const many = async () => {
    let lines = 0
    const count = ({ header, content }) => {
      if (header.msg_type === 'stream') lines += content.text.split('\n').length - 1
    }
    const began = performance.now()
    const ended = kernel.execute(cells.manyLines, { onMessage: count }).then(() => true)
    ended.catch(() => {})
    const complete = await Promise.race([ended, sleep(10_000, false)])
    if (complete && lines === 10_000) add('manyLines', performance.now() - began)
    else
      note(`${lines.toLocaleString('en')} of 10,000 lines came${complete ? '' : ', and no end of the cell'}`)
  }
  try {
    add('start', kernel.startMilliseconds)
    add('firstCell', await timed(() => run(cells.trivial(0))))
    add('startToResult', performance.now() - began)
    await sleep(1_500)
    add('memory', treeMemory(kernel.child.pid) / 1e6)
    await steady('trivial', (n) => run(cells.trivial(n)))
    await steady('logs', (n) => run(cells.logs(n)))
    await many()
    await run(cells.defines)
    const ask = (type, content) => kernel.request('shell', type, content, { timeout: 20_000 })
    try {
      await run(cells.imports)
    } catch (error) {
      note(`no tfjs: ${error.message.split('\n')[0]}`)
      figures.afterImport = []
    }
    if (!figures.afterImport) await steady('afterImport', (n) => run(cells.trivial(n)))
    const { completes, inspects } = cells
    const found = await ask('complete_request', { code: completes, cursor_pos: completes.length })
    if (found.content.matches?.length > 0)
      await steady('completion', () =>
        ask('complete_request', { code: completes, cursor_pos: completes.length }),
      )
    else note('completion finds nothing')
    const inspection = { code: inspects, cursor_pos: inspects.length, detail_level: 0 }
    if ((await ask('inspect_request', inspection)).content.found)
      await steady('inspection', () => ask('inspect_request', inspection))
    else note('inspection finds nothing')
  } catch (error) {
    note(`gave up: ${error.message.split('\n')[0]}`)
  } finally {
    clearTimeout(limit)
    await kernel.shutdown()
    rmSync(empty, { recursive: true, force: true })
  }
  return figures
}
