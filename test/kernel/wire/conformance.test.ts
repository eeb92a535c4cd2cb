import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { kernelCommand } from '../../../kernel/cli/own-files.js'
import { python } from '../../kit/needs.js'
import { temporaryFolder } from '../../kit/files.js'

function runPython(file: string, env: NodeJS.ProcessEnv): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = execFile(python!, [file, '-v'], { env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, output: stdout + stderr }),
    )
  })
}

test.skipIf(!python)(
  'jupyter_kernel_test passes whole, but for the pager, which is IPython’s own',
  async () => {
    const folder = temporaryFolder()
    const spec = join(folder, 'kernels', 'gradbook-conformance')
    mkdirSync(spec, { recursive: true })
    writeFileSync(
      join(spec, 'kernel.json'),
      JSON.stringify({
        argv: kernelCommand('{connection_file}'),
        display_name: 'conformance',
        language: 'typescript',
        interrupt_mode: 'message',
      }),
    )
    const { code, output } = await runPython(join(import.meta.dirname, 'conformance.py'), {
      ...process.env,
      JUPYTER_PATH: folder,
      GRADBOOK_KERNEL_NAME: 'gradbook-conformance',
    })
    expect(output).toMatch(/OK \(skipped=1\)/)
    expect(code).toBe(0)
  },
)
