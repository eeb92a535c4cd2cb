// The walls between the rooms of this house: who imports nothing of whom. The linter takes them from .oxlintrc.json, where the
// last entry that fits a file stands for all before it, so that each room repeats the walls of what it lies in. Here each is
// said once; `npm run format` writes them there, and `--check` says whether what is there is what is here.
import { readFileSync, writeFileSync } from 'node:fs'

const within = (...names) => names.map((name) => `**/${name}/**`)
const nothingOf = (group, message) => ({ group, message })

const kernel = nothingOf(within('kernel'), 'src/ never imports kernel/.')
const node = nothingOf(
  ['node:*'],
  "This stays runnable in a browser: Node's own modules are for backend/, store/, hosts/, the sources of data/ and the PNG worker.",
)

const fromSrc = ['host.js', 'errors.js', 'settle.js', 'untrusted.js', 'show/**', 'backend/**']
const allowed = (paths) => paths.map((path) => `!**/src/${path}`)
const src = nothingOf(
  ['**/src/**', ...allowed([...fromSrc, 'store/process.js'])],
  'kernel/ takes from src/ only host.ts, errors.ts, settle.ts, untrusted.ts, store/process.ts, show/ and backend/.',
)
const srcOfCli = nothingOf(
  [
    '**/src/**',
    ...allowed([
      ...fromSrc,
      'index.js',
      'data/index.js',
      'cache-folder.js',
      'store/cache.js',
      'sweep/index.js',
      'text/index.js',
      'widgets/index.js',
    ]),
  ],
  'kernel/cli takes from src/ what a package outside could: public subpaths; and host.ts, errors.ts, settle.ts, show/ and backend/.',
)

/** A wall for each room of a folder: none takes values from those that come after it. */
const inOrder = (folder, names, options) =>
  names.slice(0, -1).map((name, index) => ({
    files: `${folder}/${name}/*`,
    walls: [
      {
        group: names.slice(index + 1).map((later) => `../${later}/**`),
        ...options,
        message: `Rooms of ${folder} take from those before them: ${names.join(', ')}.`,
      },
    ],
  }))
const values = { allowTypeImports: true }

const backendRooms = ['onnx', 'graph', 'passes', 'emitters', 'fusions', 'session', 'tfjs', 'compile']

/** A model has what is done with it as methods, so its type is known to all that serve it. */
const textRooms = [
  'tokenizers',
  'corpora',
  'data',
  'shards',
  'chat',
  'conversations',
  'parts',
  'quantised',
  'generation',
  'looking',
  'models',
  'adapters',
  'weights',
  'shop',
  'objectives',
  'dialogue',
  'questions',
  'judging',
]

/** What lies in a room of the kernel takes nothing of what lies beside the room. */
const beside = (folder, { but = [] } = {}) =>
  nothingOf(['../*.js', ...but.map((file) => `!../${file}`)], `The rooms of ${folder} lie below it.`)

const kernelRooms = [
  'cell',
  'resolve',
  'termination',
  'errors',
  'engine',
  'language',
  'debug',
  'wire',
  'requests',
  'cli',
]
/** `allowed`: the rooms of the kernel that this one takes from. */
const onlyRooms = (name, allowed, message) => ({
  files: `kernel/${name}/**`,
  walls: [
    nothingOf(within(...kernelRooms.filter((room) => room !== name && !allowed.includes(room))), message),
  ],
})
const foundation = 'It lies below what serves the kernel: cell, then resolve, termination and errors.'

/**
 * In order: what a file takes nothing of is what all rows that fit it say, less what they lift. What one wall lets through
 * (`!`) no other wall of the same file stops: where that is too much, it is lifted.
 */
const rooms = [
  { files: 'src/**', walls: [kernel, node] },
  { files: 'src/cache-folder.ts', lifts: [node] },
  { files: 'src/hosts/**', lifts: [node] },
  { files: 'src/store/**', lifts: [node] },
  ...['src/train/**', 'src/mistakes/**'].map((files) => ({
    files,
    walls: [
      nothingOf(
        within('show', 'widgets', 'hosts', 'panel', 'text', 'sweep'),
        'Training and mistakes give plain data; the host consults show/. They know no token.',
      ),
    ],
  })),
  {
    files: 'src/data/**',
    walls: [
      nothingOf(
        within('train', 'mistakes', 'show', 'widgets', 'hosts', 'panel', 'text', 'sweep'),
        'Data knows nothing of who trains on it.',
      ),
    ],
  },
  ...['digits.ts', 'load.ts', 'table/row-file.ts', 'spool.ts', 'standard.ts', 'read/**'].map((file) => ({
    files: `src/data/${file}`,
    lifts: [node],
  })),
  {
    files: 'src/show/**',
    walls: [
      nothingOf(
        within('train', 'mistakes', 'backend', 'data', 'store', 'widgets', 'hosts', 'panel', 'sweep'),
        'show/ takes plain data, never a run.',
      ),
    ],
  },
  { files: 'src/show/png/**', lifts: [node] },
  {
    files: 'src/text/**',
    walls: [
      nothingOf(
        within('show', 'widgets', 'hosts', 'panel', 'sweep'),
        'text/ gives plain data; the host consults show/.',
      ),
    ],
  },
  {
    files: 'src/sweep/**',
    walls: [
      nothingOf(
        within('show', 'widgets', 'panel', 'text'),
        'sweep/ gives plain data; the host consults show/. A study knows no token.',
      ),
    ],
  },
  { files: 'src/sweep/engines/**', lifts: [node] },
  { files: 'src/sweep/search/python.ts', lifts: [node] },
  { files: 'src/sweep/shipping/**', lifts: [node] },
  ...inOrder('src/text', textRooms, values),
  { files: 'src/text/shards/**', lifts: [node] },
  { files: 'src/text/corpora/**', lifts: [node] },
  { files: 'src/text/chat/**', lifts: [node] },
  { files: 'src/text/shop/**', lifts: [node] },
  { files: 'src/text/tokenizers/bpe-worker.ts', lifts: [node] },
  { files: 'src/text/tokenizers/train-bpe.ts', lifts: [node] },
  {
    files: 'src/backend/**',
    lifts: [node],
    walls: [
      nothingOf(
        [
          ...within(
            'train',
            'mistakes',
            'show',
            'data',
            'store',
            'hosts',
            'text',
            'widgets',
            'panel',
            'sweep',
          ),
          ...[
            'calibration',
            'checksum',
            'host',
            'index',
            'plumbing',
            'say',
            'seed',
            'suggest',
            'untrusted',
            'views',
          ].flatMap((name) => [`../${name}.js`, `../../${name}.js`, `../../../${name}.js`]),
        ],
        'src/backend imports nothing of src/ but cache-folder.ts, errors.ts, settle.ts and whole-file.ts.',
      ),
    ],
  },
  ...inOrder('src/train', [
    'held',
    'loss',
    'model',
    'order',
    'rules',
    'state',
    'step',
    'adjust',
    'disk',
    'run',
  ]),
  ...inOrder('src/backend', backendRooms),
  ...inOrder('src/text', textRooms, values),
  ...['random', 'optimizers'].map((room) => ({
    files: `src/backend/${room}/*`,
    walls: [
      nothingOf(
        backendRooms.map((name) => `../${name}/**`),
        'Random numbers and optimizers are for any backend of tfjs.',
      ),
    ],
  })),
  ...inOrder('src/show', ['png', 'charts', 'values'], values),
  {
    files: 'labextension/**',
    walls: [
      {
        group: ['../**/src/**', '../**/kernel/**', '!../**/src/show/scale.js'],
        allowTypeImports: true,
        message:
          'labextension/ takes only types, and the rule of the axes, which imports nothing: show/scale.ts.',
      },
    ],
  },

  { files: 'kernel/**', walls: [src] },
  {
    files: 'kernel/cell/**',
    lifts: [src],
    walls: [
      nothingOf(
        ['../**', 'zeromq'],
        'kernel/cell is a chain of pure functions: it takes from itself and packages.',
      ),
    ],
  },
  onlyRooms('resolve', ['cell'], foundation),
  onlyRooms('termination', [], foundation),
  onlyRooms('errors', ['cell'], foundation),
  onlyRooms(
    'engine',
    ['cell', 'resolve', 'termination', 'errors'],
    'kernel/engine runs cells; it knows neither Jupyter messages nor the type service.',
  ),
  {
    files: 'kernel/engine/**',
    walls: [nothingOf(['zeromq'], 'kernel/engine knows nothing of Jupyter messages.')],
  },
  ...inOrder('kernel/engine', ['running', 'io', 'modules']),
  ...['running', 'io', 'modules'].map((room) => ({
    files: `kernel/engine/${room}/*`,
    walls: [beside('kernel/engine')],
  })),
  onlyRooms('language', ['cell', 'resolve'], 'kernel/language knows neither messages nor the engine.'),
  {
    files: 'kernel/language/**',
    lifts: [src],
    walls: [nothingOf(['**/src/**', 'zeromq'], 'kernel/language knows TypeScript alone.')],
  },
  ...inOrder('kernel/language', ['typescript', 'program', 'answers']),
  ...['typescript', 'program', 'answers'].map((room) => ({
    files: `kernel/language/${room}/*`,
    walls: [beside('kernel/language', { but: ['types.js'] })],
  })),
  onlyRooms(
    'debug',
    ['cell', 'resolve', 'termination'],
    "kernel/debug knows V8's inspector and the programs of cells, neither Jupyter's messages nor the engine.",
  ),
  ...['agent', 'sources'].map((room) => ({
    files: `kernel/debug/${room}/*`,
    walls: [beside('kernel/debug')],
  })),
  {
    files: 'kernel/wire/**',
    lifts: [src],
    walls: [
      nothingOf(
        ['../**', '!../json.js', 'typescript*', 'oxc-*'],
        'kernel/wire knows nothing of TypeScript, nor of what is said over it.',
      ),
    ],
  },
  onlyRooms(
    'requests',
    ['cell', 'resolve', 'termination', 'errors', 'language', 'debug', 'wire'],
    'kernel/requests lives in the protocol thread, kernel/engine in the main one: they talk in the messages of port.ts.',
  ),
  ...inOrder('kernel/requests', ['cells', 'comms']),
  { files: 'kernel/cli/**', lifts: [src], walls: [srcOfCli] },
  onlyRooms('cli', [], 'kernel/cli is a client of the kernel, in a process of its own.'),
  ...['client', 'jupyter', 'notebook'].map((room) => ({
    files: `kernel/cli/${room}/**`,
    walls: [beside('kernel/cli', { but: ['own-files.js'] })],
  })),
]

/** Whether all files that `inner` fits are files that `outer` fits. */
const isIn = (inner, outer) =>
  inner === outer || (outer.endsWith('/**') && inner.startsWith(outer.slice(0, -'**'.length)))

const overrides = [...new Set(rooms.map(({ files }) => files))].map((files) => {
  const around = rooms.filter((room) => isIn(files, room.files))
  const lifted = around.flatMap(({ lifts = [] }) => lifts)
  const patterns = around.flatMap(({ walls = [] }) => walls).filter((wall) => !lifted.includes(wall))
  return { files: [files], rules: { 'no-restricted-imports': ['error', { patterns }] } }
})

const file = new URL('../.oxlintrc.json', import.meta.url)
const text = readFileSync(file, 'utf8')
const config = JSON.parse(text)
const isWall = ({ rules }) => 'no-restricted-imports' in rules
const others = config.overrides.filter((override) => !isWall(override))
const written = { ...config, overrides: [...others, ...overrides] }
if (JSON.stringify(written) !== JSON.stringify(config)) {
  if (process.argv.includes('--check')) {
    console.error(
      '.oxlintrc.json has other walls than scripts/walls.mjs: say them there, then `npm run format`',
    )
    process.exit(1)
  }
  // A line for each: nobody reads it here.
  const lines = written.overrides.map((override) => `    ${JSON.stringify(override)}`)
  const head = JSON.stringify({ ...written, overrides: [] }, null, 2)
  writeFileSync(file, `${head.replace(/"overrides": \[\]/, `"overrides": [\n${lines.join(',\n')}\n  ]`)}\n`)
}
