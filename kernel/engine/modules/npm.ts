import { spawn } from 'node:child_process'

/** Runs npm in a folder; what it says comes out line by line. Rejects when it fails. */
export function runNpm(
  command: string,
  folder: string,
  write: (text: string) => void = (text) => void process.stdout.write(text),
): Promise<void> {
  const words =
    command.match(/"[^"]*"|'[^']*'|\S+/g)?.map((word) => word.replace(/^(["'])(.*)\1$/, '$2')) ?? []
  return new Promise((resolve, reject) => {
    write(`npm ${command} (in ${folder})\n`)
    // Next to the notebook, even where a folder above has a package.json.
    const child = spawn(
      'npm',
      [...words, '--prefix', folder, '--no-fund', '--no-audit', '--no-update-notifier'],
      {
        cwd: folder,
        shell: process.platform === 'win32',
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    const show = (chunk: Buffer) => write(chunk.toString())
    child.stdout.on('data', show)
    child.stderr.on('data', show)
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0
        ? resolve()
        : reject(
            new Error(
              `\`npm ${command}\` failed in ${folder} (exit code ${code}); what it said stands above`,
            ),
          ),
    )
  })
}
