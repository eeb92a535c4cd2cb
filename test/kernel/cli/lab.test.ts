import { expect, it } from 'vitest'
import { jupyterEnvironment } from '../../../kernel/cli/lab.js'
import { patience, python, runProgram, temporaryFolder } from '../../kit/index.js'

it.skipIf(!python)(
  'gradbook lab has JupyterLab show what a completion means, as a default that settings stand above',
  async () => {
    const folder = temporaryFolder()
    const script =
      'import json; from jupyterlab_server.settings_utils import _get_overrides; print(json.dumps(_get_overrides(".")[0]))'
    const { code, stdout, stderr } = await runProgram(python!, ['-c', script], {
      folder,
      env: { ...jupyterEnvironment(), HOME: folder },
      timeout: patience,
    })
    expect(code, stderr).toBe(0)
    expect(JSON.parse(stdout)['@jupyterlab/completer-extension:manager']).toEqual({
      showDocumentationPanel: true,
    })
  },
  2 * patience,
)
