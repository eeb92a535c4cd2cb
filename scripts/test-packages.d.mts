export const testEnvironment: string
export const testPackages: readonly string[]
