import { display } from '../../../src/host.js'

/** Bundles a cell's text with what it imports and shows it as a script: the page that shows the notebook runs it. */
export async function showInBrowser(text: string, folder: string): Promise<void> {
  const { build } = await import('esbuild')
  const { outputFiles } = await build({
    stdin: { contents: text, resolveDir: folder, sourcefile: 'cell.tsx', loader: 'tsx' },
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  })
  display({ 'text/javascript': outputFiles[0]!.text }, { raw: true })
}
