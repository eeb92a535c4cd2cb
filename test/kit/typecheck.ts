/** Programs that use gradbook, checked as a cell is: strict, but for the types of parameters. */
import { symlinkSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { runProgram } from './command.js'
import { temporaryFolder } from './files.js'

const root = join(import.meta.dirname, '../..')

export interface TypeError {
  /** Of the program, from 1. */
  line: number
  code: string
  message: string
}

/** What the checker has against a program, which imports gradbook from its source. */
export async function typeErrors(program: string): Promise<TypeError[]> {
  const folder = temporaryFolder()
  const source = relative(folder, join(root, 'src')).replaceAll('\\', '/')
  const paths = Object.fromEntries(
    ['', '/backend', '/data', '/show', '/sweep', '/text', '/widgets'].map((door) => [
      `gradbook${door}`,
      [`${source}${door}/index.ts`],
    ]),
  )
  const compilerOptions = {
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable', 'dom'],
    module: 'nodenext',
    strict: true,
    noImplicitAny: false,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
    paths,
  }
  writeFileSync(join(folder, 'program.ts'), program)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { stdout } = await runProgram(process.execPath, [tsc, '-p', '.', '--pretty', 'false'], { folder })
  const found = [...stdout.matchAll(/^(\S*?)\((\d+),\d+\): error (TS\d+): (.*)$/gm)].map(
    ([, file, line, code, message]) => ({
      line: file === 'program.ts' ? Number(line) : 0,
      code: code!,
      message: file === 'program.ts' ? message! : `${file}: ${message}`,
    }),
  )
  if (found.length === 0 && stdout !== '') throw new Error(stdout)
  return found
}
