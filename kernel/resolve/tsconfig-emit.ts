import type { Emit } from '../cell/strip.js'
import { isText, type Tsconfig } from './tsconfig.js'

/** Targets before 2022, for which TypeScript assigns the fields of classes. */
const isOld = (target: unknown): boolean => /^es(3|5|6|20(1\d|2[01]))$/i.test(String(target))

/** How elements are made. `preserve` leaves that to a tool of the project, and those import what makes them. */
export function jsxOf({ jsx, jsxFactory }: Tsconfig['options']): string | undefined {
  if (!isText(jsx)) return undefined
  const isLeft = /^(?:preserve|react-native)$/i.test(jsx)
  return isLeft ? (jsxFactory === undefined ? 'react-jsx' : 'react') : jsx.toLowerCase()
}

const textOptions = ['jsxFactory', 'jsxFragmentFactory', 'jsxImportSource'] as const

/** What the options say about the JavaScript that cells and files beside the notebook become. */
export function emitOf(config: Tsconfig | undefined): Emit {
  const options = config?.options ?? {}
  const jsx = jsxOf(options)
  const emit: Emit = {
    experimentalDecorators: options.experimentalDecorators === true,
    emitDecoratorMetadata: options.emitDecoratorMetadata === true,
    useDefineForClassFields: (options.useDefineForClassFields ?? !isOld(options.target)) === true,
    ...(jsx === undefined ? {} : { jsx }),
  }
  for (const name of textOptions) {
    const value = options[name]
    if (isText(value)) emit[name] = value
  }
  return emit
}
