import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { writeKernelSpec } from '../../../kernel/cli/jupyter/kernelspec.js'
import { python, runProgram, temporaryFolder } from '../../kit/index.js'

describe.skipIf(!python)('a kernel that jupyter_client starts', () => {
  for (const [what, transport, encryption] of [
    ['runs a cell over TCP', 'tcp', 'disabled'],
    [
      'runs a cell encrypted, where that is required, and tells nothing to who does not encrypt',
      'tcp',
      'required',
    ],
    ['runs a cell over sockets that are files', 'ipc', 'disabled'],
  ] as const)
    test(what, async () => {
      const folder = temporaryFolder()
      writeKernelSpec(folder, 'gradbook')
      const env = { JUPYTER_PATH: folder, GRADBOOK_KERNEL_NAME: 'gradbook' }
      const file = join(import.meta.dirname, 'transports.py')
      const ran = await runProgram(python!, [file, transport, encryption], { folder, env })
      expect(ran).toMatchObject({ code: 0, stdout: `${transport} ${encryption}\n` })
    })
})
