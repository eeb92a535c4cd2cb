/** The rules of CONTRIBUTING.md about who imports whom, as the linter knows them: a pattern that matches nothing is no rule. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { runProgram, temporaryFolder } from '../kit/index.js'

type Row = readonly [file: string, imported: string]

const refused: readonly Row[] = [
  ['src/train/a.ts', '../show/values.js'],
  ['src/train/b.ts', '../../kernel/port.js'],
  ['src/train/c.ts', 'node:fs'],
  ['src/train/model/a.ts', '../step/step.js'],
  ['src/train/model/b.ts', 'node:fs'],
  ['src/train/step/a.ts', '../run/run.js'],
  ['src/train/state/a.ts', '../step/step.js'],
  ['src/show/png/a.ts', '../charts/loss-chart.js'],
  ['src/show/charts/a.ts', 'node:fs'],
  ['src/backend/session/a.ts', '../tfjs/backend.js'],
  ['src/backend/emitters/a.ts', '../fusions/index.js'],
  ['src/backend/random/a.ts', '../graph/graph.js'],
  ['src/backend/passes/a.ts', '../emitters/kernel.js'],
  ['src/backend/graph/a.ts', '../../host.js'],
  ['src/mistakes/a.ts', '../panel/serve.js'],
  ['src/show/a.ts', '../train/run.js'],
  ['src/show/b.ts', '../data/dataset.js'],
  ['src/show/c.ts', 'node:fs'],
  ['src/data/a.ts', 'node:fs'],
  ['src/data/read/a.ts', '../../train/run.js'],
  ['src/text/a.ts', '../show/values.js'],
  ['src/text/b.ts', 'node:fs'],
  ['src/train/e.ts', '../text/index.js'],
  ['src/data/b.ts', '../text/index.js'],
  ['src/widgets/a.ts', 'node:util'],
  ['src/panel/a.ts', '../../kernel/port.js'],
  ['src/backend/optimizers/a.ts', '../../host.js'],
  ['src/backend/b.ts', '../views.js'],
  ['kernel/a.ts', '../src/train/run.js'],
  ['kernel/requests/a.ts', '../../src/views.js'],
  ['kernel/requests/b.ts', '../../src/index.js'],
  ['kernel/engine/a.ts', '../../src/data/index.js'],
  ['kernel/engine/b.ts', '../wire/message.js'],
  ['kernel/cell/a.ts', '../language/service.js'],
  ['kernel/language/a.ts', '../../src/host.js'],
  ['kernel/wire/a.ts', 'oxc-parser'],
  ['kernel/wire/b.ts', '../../src/errors.js'],
  ['kernel/cli/a.ts', '../../src/data/from.js'],
  ['kernel/cell/b.ts', '../port.js'],
  ['kernel/resolve/a.ts', '../engine/engine.js'],
  ['kernel/termination/a.ts', '../requests/cells/stop.js'],
  ['kernel/errors/a.ts', '../language/language.js'],
  ['kernel/engine/e.ts', '../debug/debugger.js'],
  ['kernel/engine/running/a.ts', '../io/output.js'],
  ['kernel/engine/io/a.ts', '../engine.js'],
  ['kernel/engine/modules/a.ts', '../../requests/handler.js'],
  ['kernel/language/b.ts', '../wire/message.js'],
  ['kernel/language/typescript/a.ts', '../answers/complete.js'],
  ['kernel/language/program/a.ts', '../language.js'],
  ['kernel/debug/a.ts', '../wire/message.js'],
  ['kernel/debug/agent/a.ts', '../thread.js'],
  ['kernel/requests/d.ts', '../engine/engine.js'],
  ['kernel/requests/cells/a.ts', '../comms/comms.js'],
  ['kernel/wire/c.ts', '../requests/handler.js'],
  ['kernel/cli/c.ts', '../engine/engine.js'],
  ['kernel/cli/client/a.ts', '../run.js'],
  ['labextension/src/a.ts', '../../src/host.js'],
]

const allowed: readonly Row[] = [
  ['src/train/d.ts', '../backend/random/index.js'],
  ['src/show/png/png.ts', 'node:worker_threads'],
  ['src/data/read/b.ts', 'node:fs'],
  ['src/store/a.ts', 'node:fs'],
  ['src/train/step/b.ts', '../model/own.js'],
  ['src/train/step/c.ts', '../state/core.js'],
  ['src/backend/compile/a.ts', '../session/plan.js'],
  ['src/text/c.ts', '../train/run.js'],
  ['src/text/tokenizers/train-bpe.ts', 'node:worker_threads'],
  ['src/backend/optimizers/c.ts', '../../errors.js'],
  ['src/backend/d.ts', '../settle.js'],
  ['kernel/requests/c.ts', '../../src/show/values/values.js'],
  ['kernel/engine/c.ts', '../../src/host.js'],
  ['kernel/engine/d.ts', '../../src/settle.js'],
  ['kernel/cli/b.ts', '../../src/data/index.js'],
  ['kernel/wire/d.ts', '../json.js'],
  ['kernel/engine/modules/b.ts', '../io/printing.js'],
  ['kernel/engine/modules/c.ts', '../../resolve/packages.js'],
  ['kernel/language/answers/a.ts', '../types.js'],
  ['kernel/language/answers/b.ts', '../program/document.js'],
  ['kernel/requests/e.ts', '../errors/tracebacks.js'],
  ['kernel/cli/client/b.ts', '../own-files.js'],
]

describe('the linter', () => {
  const complaints = new Set<string>()

  beforeAll(async () => {
    const folder = temporaryFolder()
    copyFileSync('.oxlintrc.json', join(folder, '.oxlintrc.json'))
    for (const [file, imported] of [...refused, ...allowed]) {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      writeFileSync(join(folder, file), `export { a } from '${imported}'\n`)
    }
    const oxlint = join(import.meta.dirname, '../../node_modules/oxlint/bin/oxlint')
    const { stdout } = await runProgram(process.execPath, [oxlint, '--format=json'], { folder })
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; filename: string }[] }
    for (const { code, filename } of diagnostics)
      if (code.includes('no-restricted-imports')) complaints.add(filename.replaceAll('\\', '/'))
  })

  it.each(refused)('refuses that %s imports %s', (file) => {
    expect([...complaints]).toContain(file)
  })

  it.each(allowed)('lets %s import %s', (file) => {
    expect([...complaints]).not.toContain(file)
  })
})
