/** What decorated classes call, where the tsconfig.json asks for `emitDecoratorMetadata` (cell/strip.ts): as TypeScript has it. */

type Decorator = (...args: any[]) => unknown

const helpers = {
  decorate(decorators: (Decorator | undefined)[], target: any, key?: PropertyKey, descriptor?: any): unknown {
    const isClass = key === undefined
    const own = descriptor === null ? Object.getOwnPropertyDescriptor(target, key!) : descriptor
    let result: unknown = isClass ? target : own
    for (const decorator of decorators.toReversed()) {
      if (!decorator) continue
      result = (isClass ? decorator(result) : decorator(target, key, result)) || result
    }
    if (!isClass && descriptor !== undefined && result) Object.defineProperty(target, key, result)
    return result
  },
  /** The decorator that keeps a type; none without the package `reflect-metadata`. */
  decorateMetadata(name: string, value: unknown): Decorator | undefined {
    const { metadata } = Reflect as { metadata?: (name: string, value: unknown) => Decorator }
    return typeof metadata === 'function' ? metadata(name, value) : undefined
  },
  decorateParam:
    (index: number, decorator: Decorator): Decorator =>
    (target, key) =>
      void decorator(target, key, index),
  /** A type as a value; of one that is none, as an interface, `Object`. */
  typeOf(find: () => unknown): unknown {
    try {
      const found = find()
      return found === undefined ? Object : found
    } catch {
      return Object
    }
  },
}

export function installDecorators(): void {
  Object.defineProperty(globalThis, Symbol.for('gradbook.decorators'), {
    value: helpers,
    configurable: true,
  })
}
