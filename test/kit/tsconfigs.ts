/** Files named tsconfig.json as people have them beside a notebook: what tools write, and what their documentation advises. */

/** Files by their paths in the notebook's folder. */
export type Files = { readonly [path: string]: string }

const config = (compilerOptions: object, rest: object = {}): string =>
  JSON.stringify({ compilerOptions, ...rest }, null, 2)

const strict = { strict: true, esModuleInterop: true, skipLibCheck: true }

export const tsconfigs: { readonly [title: string]: Files } = {
  'tsc --init of 5.0 to 5.8': {
    'tsconfig.json': `{
  "compilerOptions": {
    /* Visit https://aka.ms/tsconfig to read more about this file */

    /* Projects */
    // "incremental": true,                              /* Save .tsbuildinfo files to allow for incremental compilation of projects. */

    /* Language and Environment */
    "target": "es2016",                                  /* Set the JavaScript language version for emitted JavaScript and include compatible library declarations. */
    // "lib": [],                                        /* Specify a set of bundled library declaration files that describe the target runtime environment. */

    /* Modules */
    "module": "commonjs",                                /* Specify what module code is generated. */
    // "rootDir": "./",                                  /* Specify the root folder within your source files. */
    "esModuleInterop": true,                             /* Emit additional JavaScript to ease support for importing CommonJS modules. */
    "forceConsistentCasingInFileNames": true,            /* Ensure that casing is correct in imports. */

    /* Type Checking */
    "strict": true,                                      /* Enable all strict type-checking options. */
    "skipLibCheck": true                                 /* Skip type checking all .d.ts files. */
  }
}`,
  },
  'tsc --init of 5.9 and later': {
    'tsconfig.json': `{
  // Visit https://aka.ms/tsconfig to read more about this file
  "compilerOptions": {
    // File Layout
    // "rootDir": "./src",
    // "outDir": "./dist",

    // Environment Settings
    // See also https://aka.ms/tsconfig/module
    "module": "nodenext",
    "target": "esnext",
    "types": [],
    // For nodejs:
    // "lib": ["esnext"],
    // "types": ["node"],
    // and npm install -D @types/node

    // Other Outputs
    "sourceMap": true,
    "declaration": true,
    "declarationMap": true,

    // Stricter Typechecking Options
    "noUncheckedIndexedAccess": true,
    "exactOptionalPropertyTypes": true,

    // Style Options
    // "noImplicitReturns": true,

    // Recommended Options
    "strict": true,
    "jsx": "react-jsx",
    "verbatimModuleSyntax": true,
    "isolatedModules": true,
    "noUncheckedSideEffectImports": true,
    "moduleDetection": "force",
    "skipLibCheck": true,
  }
}
`,
  },
  "Node's advice for type stripping": {
    'tsconfig.json': config({
      noEmit: true,
      target: 'esnext',
      module: 'nodenext',
      rewriteRelativeImportExtensions: true,
      erasableSyntaxOnly: true,
      verbatimModuleSyntax: true,
    }),
  },
  'a build with outDir and rootDir': {
    'tsconfig.json': config(
      {
        ...strict,
        outDir: './dist',
        rootDir: './src',
        declaration: true,
        sourceMap: true,
        noEmitOnError: true,
      },
      { include: ['src/**/*'], exclude: ['node_modules', 'dist'] },
    ),
  },
  'extends @tsconfig/node20': {
    'tsconfig.json':
      '{ "extends": "@tsconfig/node20/tsconfig.json", "compilerOptions": { "outDir": "dist" } }',
    'node_modules/@tsconfig/node20/package.json': '{ "name": "@tsconfig/node20", "version": "20.1.6" }',
    'node_modules/@tsconfig/node20/tsconfig.json': `{
  "$schema": "https://www.schemastore.org/tsconfig",
  "_version": "20.1.0",
  "compilerOptions": {
    "lib": ["es2023"], "module": "nodenext", "target": "es2022",
    "strict": true, "esModuleInterop": true, "skipLibCheck": true, "moduleResolution": "node16"
  }
}`,
  },
  'extends a list, @tsconfig/strictest among them': {
    'tsconfig.json': '{ "extends": ["@tsconfig/node20/tsconfig", "@tsconfig/strictest", "./base"], }',
    'base.json': '{ "compilerOptions": { "rootDir": "..", "noPropertyAccessFromIndexSignature": false } }',
    'node_modules/@tsconfig/node20/package.json': '{ "name": "@tsconfig/node20", "version": "20.1.6" }',
    'node_modules/@tsconfig/node20/tsconfig.json': config({
      lib: ['es2023'],
      module: 'nodenext',
      target: 'es2022',
    }),
    'node_modules/@tsconfig/strictest/package.json': '{ "name": "@tsconfig/strictest", "version": "2.0.5" }',
    'node_modules/@tsconfig/strictest/tsconfig.json': config({
      strict: true,
      allowUnusedLabels: false,
      allowUnreachableCode: false,
      exactOptionalPropertyTypes: true,
      noFallthroughCasesInSwitch: true,
      noImplicitOverride: true,
      noImplicitReturns: true,
      noPropertyAccessFromIndexSignature: true,
      noUncheckedIndexedAccess: true,
      noUnusedLocals: true,
      noUnusedParameters: true,
      isolatedModules: true,
      checkJs: true,
      esModuleInterop: true,
      skipLibCheck: true,
    }),
  },
  "Vite's react-ts": {
    'tsconfig.json':
      '{ "files": [], "references": [{ "path": "./tsconfig.app.json" }, { "path": "./tsconfig.node.json" }] }',
    'tsconfig.app.json': `{
  "compilerOptions": {
    "tsBuildInfoFile": "./node_modules/.tmp/tsconfig.app.tsbuildinfo",
    "target": "ES2022", "useDefineForClassFields": true, "lib": ["ES2022", "DOM", "DOM.Iterable"],
    "module": "ESNext", "types": ["vite/client"], "skipLibCheck": true,

    /* Bundler mode */
    "moduleResolution": "bundler", "allowImportingTsExtensions": true, "verbatimModuleSyntax": true,
    "moduleDetection": "force", "noEmit": true, "jsx": "react-jsx",

    /* Linting */
    "strict": true, "noUnusedLocals": true, "noUnusedParameters": true, "erasableSyntaxOnly": true,
    "noFallthroughCasesInSwitch": true, "noUncheckedSideEffectImports": true
  },
  "include": ["src"]
}`,
    'tsconfig.node.json': config(
      { target: 'ES2023', lib: ['ES2023'], types: [], strict: true },
      { include: ['vite.config.ts'] },
    ),
  },
  "Vite's with aliases": {
    'tsconfig.json': `{
  "files": [],
  "references": [{ "path": "./tsconfig.app.json" }],
  "compilerOptions": { "baseUrl": ".", "paths": { "@/*": ["./src/*"] } }
}`,
    'tsconfig.app.json': config({ target: 'ES2020', jsx: 'react-jsx', strict: true, composite: true }),
  },
  "Next's": {
    'tsconfig.json': `{
  "compilerOptions": {
    "target": "ES2017", "lib": ["dom", "dom.iterable", "esnext"], "allowJs": true, "skipLibCheck": true,
    "strict": true, "noEmit": true, "esModuleInterop": true, "module": "esnext", "moduleResolution": "bundler",
    "resolveJsonModule": true, "isolatedModules": true, "jsx": "preserve", "incremental": true,
    "plugins": [{ "name": "next" }],
    "paths": { "@/*": ["./src/*"] }
  },
  "include": ["next-env.d.ts", "**/*.ts", "**/*.tsx", ".next/types/**/*.ts"],
  "exclude": ["node_modules"]
}`,
  },
  "Nest's": {
    'tsconfig.json': config({
      module: 'commonjs',
      declaration: true,
      removeComments: true,
      emitDecoratorMetadata: true,
      experimentalDecorators: true,
      allowSyntheticDefaultImports: true,
      target: 'ES2021',
      sourceMap: true,
      outDir: './dist',
      baseUrl: './',
      incremental: true,
      skipLibCheck: true,
      strictNullChecks: false,
      noImplicitAny: false,
      strictBindCallApply: false,
      forceConsistentCasingInFileNames: false,
      noFallthroughCasesInSwitch: false,
    }),
  },
  "Angular's": {
    'tsconfig.json': `/* To learn more about this file see: https://angular.io/config/tsconfig. */
{
  "compileOnSave": false,
  "compilerOptions": {
    "outDir": "./dist/out-tsc", "strict": true, "noImplicitOverride": true, "noPropertyAccessFromIndexSignature": false,
    "noImplicitReturns": true, "noFallthroughCasesInSwitch": true, "skipLibCheck": true, "esModuleInterop": true,
    "sourceMap": true, "declaration": false, "experimentalDecorators": true, "moduleResolution": "node",
    "importHelpers": true, "target": "ES2022", "module": "ES2022", "useDefineForClassFields": false, "lib": ["ES2022", "dom"]
  },
  "angularCompilerOptions": { "strictTemplates": true },
  "files": [],
  "references": [{ "path": "./tsconfig.app.json" }, { "path": "./tsconfig.spec.json" }]
}`,
    'tsconfig.app.json':
      '{ "extends": "./tsconfig.json", "compilerOptions": { "outDir": "./out-tsc/app", "types": [] }, "files": ["src/main.ts"] }',
  },
  "as Deno's": {
    'tsconfig.json': config({
      allowImportingTsExtensions: true,
      lib: ['deno.ns', 'deno.window'],
      types: ['./types.d.ts'],
      jsx: 'precompile-not',
      noEmit: true,
      strict: true,
    }).replace('"precompile-not"', '"react-jsx"'),
  },
  'a package of a monorepo': {
    'tsconfig.json': config(
      {
        composite: true,
        incremental: true,
        rootDirs: ['src', 'generated'],
        outDir: 'build',
        declarationMap: true,
        isolatedDeclarations: true,
        baseUrl: '.',
        paths: { '@/*': ['src/*'], '@app/core': ['src/core.ts'] },
      },
      { extends: './configs/base.json', references: [{ path: '../other' }] },
    ),
    'configs/base.json': '{ "extends": "./root", "compilerOptions": { "noUncheckedIndexedAccess": true } }',
    'configs/root.json': config({ strict: true, tsBuildInfoFile: '.cache/info', stripInternal: true }),
  },
  'an old one': {
    'tsconfig.json': config({
      target: 'es5',
      module: 'amd',
      moduleResolution: 'node',
      lib: ['es2016'],
      downlevelIteration: true,
      strict: false,
      noImplicitUseStrict: true,
      typeRoots: ['./typings'],
      suppressImplicitAnyIndexErrors: true,
      keyofStringsOnly: true,
    }),
  },
  'of a library': {
    'tsconfig.json': `\uFEFF{
	"compilerOptions": {
		"noLib": false, "lib": ["es2016"], "target": "es2016", "types": [], "declaration": true, "emitDeclarationOnly": true,
		"noImplicitAny": true, "noImplicitReturns": true, "noUnusedLocals": true, "allowUnreachableCode": false,
		"strict": true, "resolvePackageJsonExports": false, "moduleSuffixes": [".node", ""], "customConditions": ["source"],
		"preserveSymlinks": true, "isolatedModules": true, "verbatimModuleSyntax": true, "noEmitHelpers": true,
	},
	"include": [], // none
}
`,
  },
  'of a solution with nothing of its own': { 'tsconfig.json': '{ "references": [] }' },
  'an empty file': { 'tsconfig.json': '' },
}

/** What every notebook in such a folder imports. */
export const sources: Files = {
  'src/core.ts': 'export const core: string = "core"\n',
  'src/part.ts': 'import { core } from "./core.js"\nexport const part = [core]\n',
  'lib.ts':
    'import { part } from "./src/part.ts"\nexport enum Level { Low, High }\nexport const lib: number = part.length\n',
}
