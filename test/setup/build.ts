import { spawnSync } from 'node:child_process'

/** Tests that start the kernel or the command line run what a user runs: dist/. It is built here when it is stale. */
export default function build() {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/build.mjs'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`The build failed:\n${stdout}${stderr}`)
}
