/** `kernel_info_request`: what the kernel and its language are. */
import { readFileSync } from 'node:fs'
import { protocolVersion } from '../wire/index.js'
import type { StandIn } from '../port.js'
import type { Handler } from './handler.js'

const { version, dependencies } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as { version: string; dependencies: { typescript: string } }

const kernelInfo = {
  status: 'ok',
  protocol_version: protocolVersion,
  implementation: 'gradbook',
  implementation_version: version,
  language_info: {
    name: 'typescript',
    version: dependencies.typescript,
    mimetype: 'text/x-typescript',
    file_extension: '.ts',
    pygments_lexer: 'typescript',
    // By this name JupyterLab finds its TypeScript; as a variant of JavaScript types stay uncoloured.
    codemirror_mode: 'typescript',
    nbconvert_exporter: 'script',
  },
  banner: `gradbook ${version} · TypeScript on Node ${process.version}`,
  debugger: true,
  supported_features: ['debugger', 'kernel subshells'],
  help_links: [
    { text: 'TypeScript', url: 'https://www.typescriptlang.org/docs/' },
    { text: 'TensorFlow.js', url: 'https://js.tensorflow.org/api/latest/' },
    { text: 'Vega-Lite', url: 'https://vega.github.io/vega-lite/docs/' },
  ],
}

/** jslab's cells are JavaScript: what front ends colour and export them as. */
const javascript = {
  ...kernelInfo,
  language_info: {
    ...kernelInfo.language_info,
    name: 'javascript',
    version: process.versions.node,
    mimetype: 'text/javascript',
    file_extension: '.js',
    pygments_lexer: 'javascript',
    codemirror_mode: 'javascript',
  },
}

/** `as`: the kernel that this one stands in for. */
export const onKernelInfo =
  (as: StandIn | undefined): Handler =>
  () =>
    as === 'jslab' ? javascript : kernelInfo
