/** HOW_IT_WORKS.md names files to open: each of them is there. */
import { readFileSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'

/** What is made when gradbook is built or when a run is written. */
const made = ['generated.ts', 'run.json']

const files = ['src', 'kernel', 'labextension/src', 'scripts', 'test', 'notebooks'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) =>
    `/${folder}/${file}`.replaceAll('\\', '/'),
  ),
)

const text = readFileSync('HOW_IT_WORKS.md', 'utf8').replaceAll(/```[^]*?```/g, '')
const named = [...text.matchAll(/`([\w./-]+(?:\.(?:ts|mjs|json|ipynb)|\/))`/g)]
  .map(([, name]) => name!)
  .filter((name) => !made.includes(name))

test('the names are found', () => expect(named.length).toBeGreaterThan(110))

test.each([...new Set(named)])('%s', (name) => {
  const isThere = name.endsWith('/')
    ? files.some((file) => `${file}/`.includes(`/${name}`))
    : files.some((file) => file.endsWith(`/${name}`))
  expect(isThere).toBe(true)
})
