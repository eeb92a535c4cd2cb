import { rmSync, writeFileSync } from 'node:fs'
import { extname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { findCompiler, ServerStopped, ServerTooSlow, startServer, type Server } from './server.js'

/** A place as the Language Server Protocol counts: both from 0, characters in UTF-16. */
export interface Position {
  line: number
  character: number
}

export interface ServiceDiagnostic {
  range: { start: Position; end: Position }
  /** 1 error, 2 warning, 3 information, 4 hint */
  severity: number
  code: number
  message: string
  relatedInformation?: { location: { uri: string; range: { start: Position } }; message: string }[]
}

export interface ServiceCompletion {
  label: string
  /** The protocol's CompletionItemKind. */
  kind?: number
  sortText?: string
  insertText?: string
  filterText?: string
  detail?: string
  documentation?: string | { value: string }
  textEdit?: { range: { start: Position; end: Position }; newText: string }
  data?: unknown
}

/** What the protocol calls the language of a file. */
const languages: { readonly [extension: string]: string } = {
  '.tsx': 'typescriptreact',
  '.js': 'javascript',
  '.jsx': 'javascriptreact',
}

const capabilities = {
  workspace: { configuration: true },
  textDocument: {
    diagnostic: { relatedInformation: true },
    completion: { completionItem: { documentationFormat: ['markdown'], labelDetailsSupport: true } },
    hover: { contentFormat: ['markdown'] },
    signatureHelp: { signatureInformation: { documentationFormat: ['markdown'] } },
  },
}

/** Otherwise it says six lines about each check, which this thread would read while the cell waits. */
const logNothing = 0

/**
 * TypeScript 7, spoken to in the Language Server Protocol: documents live in memory, requests are answered in order. When it
 * ends unexpectedly, the next request starts it again with the same documents.
 */
export class Service {
  /** Where its documents lie. */
  readonly folder: string
  readonly #home: string
  readonly #documents = new Map<string, { text: string; version: number; language: string }>()
  #server: Server | undefined
  #started: Promise<Server> | undefined
  #closed = false
  /** How often it was started. */
  starts = 0

  /**
   * @param patience milliseconds after which a check is given up. Types can be written that take for ever.
   * @param startPatience the same until TypeScript has started
   * @param assistPatience the same for what only helps while a cell is written, for which those that are to run wait meanwhile
   */
  constructor(
    folder: string,
    home: string,
    {
      patience = 30_000,
      assistPatience = 5_000,
      startPatience = 30_000,
    }: { patience?: number; assistPatience?: number; startPatience?: number } = {},
  ) {
    this.folder = folder
    this.#home = home
    this.#patience = patience
    this.assistPatience = assistPatience
    this.#startPatience = startPatience
  }
  readonly #patience: number
  readonly #startPatience: number
  readonly assistPatience: number

  /** The answer, unless it takes too long: then the server, which may be busy with it for good, is ended. */
  async #inTime<T>(server: Server, answer: Promise<T>, patience = this.#patience): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        // First of the two: stopping refuses the answer as well.
        reject(new ServerTooSlow(`TypeScript took more than ${patience / 1000} s`))
        server.stop()
      }, patience)
    })
    try {
      return await Promise.race([answer, late])
    } finally {
      clearTimeout(timer)
      // What the stopped server still owes is owed to nobody.
      answer.catch(() => {})
    }
  }

  async #start(): Promise<Server> {
    this.starts++
    const server = startServer(findCompiler(this.#home))
    this.#server = server
    const beginning = server.request('initialize', {
      processId: process.pid,
      rootUri: pathToFileURL(this.folder).href,
      initializationOptions: { logVerbosity: logNothing },
      capabilities,
    })
    await this.#inTime(server, beginning, this.#startPatience)
    server.notify('initialized', {})
    for (const [path, { text, version, language }] of this.#documents)
      server.notify('textDocument/didOpen', {
        textDocument: { uri: pathToFileURL(path).href, languageId: language, version, text },
      })
    return server
  }

  /** The running server; documents are open in it. */
  async server(): Promise<Server> {
    if (this.#closed) throw new ServerStopped('closed')
    if (!this.#started || (this.#server && !this.#server.alive)) this.#started = this.#start()
    return this.#started
  }

  /** What lies on disk, in our own folder. */
  readonly #laid = new Map<string, string>()

  /** Makes a document a file. TypeScript reads 32 small files in a few milliseconds, and takes 3 to open each as a document. */
  lay(path: string, text: string): void {
    writeFileSync(path, text)
    this.#laid.set(path, text)
  }

  /** Whether a document is open, or lies on disk. */
  has(path: string): boolean {
    return this.#documents.has(path) || this.#laid.has(path)
  }

  /** Sets the text of a document, which need not exist on disk. */
  async write(path: string, text: string): Promise<void> {
    const known = this.#documents.get(path)
    if ((known?.text ?? this.#laid.get(path)) === text) return
    const language = languages[extname(path)] ?? 'typescript'
    const version = (known?.version ?? 0) + 1
    const server = await this.server()
    this.#documents.set(path, { text, version, language })
    const uri = pathToFileURL(path).href
    if (known)
      server.notify('textDocument/didChange', {
        textDocument: { uri, version },
        contentChanges: [{ text }],
      })
    else
      server.notify('textDocument/didOpen', {
        textDocument: { uri, languageId: language, version, text },
      })
  }

  async remove(path: string): Promise<void> {
    if (this.#documents.delete(path)) {
      const server = await this.server()
      server.notify('textDocument/didClose', { textDocument: { uri: pathToFileURL(path).href } })
    }
    if (this.#laid.delete(path)) {
      rmSync(path, { force: true })
      await this.filesChanged([path], 'deleted')
    }
  }

  /** Says that files on disk are not what they were. */
  async filesChanged(paths: readonly string[], type: 'created' | 'changed' | 'deleted'): Promise<void> {
    if (paths.length === 0) return
    const server = await this.server()
    server.notify('workspace/didChangeWatchedFiles', {
      changes: paths.map((path) => ({
        uri: pathToFileURL(path).href,
        type: { created: 1, changed: 2, deleted: 3 }[type],
      })),
    })
  }

  /** Asks about a document; once more when the service ended meanwhile. */
  async #ask(method: string, path: string, rest: object = {}, patience = this.#patience): Promise<any> {
    const params = { textDocument: { uri: pathToFileURL(path).href }, ...rest }
    const once = async () => {
      const server = await this.server()
      return this.#inTime(server, server.request(method, params), patience)
    }
    try {
      return await once()
    } catch (error) {
      if (!(error instanceof ServerStopped) || this.#closed) throw error
      return once()
    }
  }

  async diagnose(path: string, patience?: number): Promise<ServiceDiagnostic[]> {
    const report = await this.#ask('textDocument/diagnostic', path, {}, patience)
    return report?.items ?? []
  }

  async complete(path: string, position: Position): Promise<ServiceCompletion[]> {
    const list = await this.#ask('textDocument/completion', path, { position }, this.assistPatience)
    return Array.isArray(list) ? list : (list?.items ?? [])
  }

  /** Adds signature (`detail`) and documentation to a completion. */
  async resolve(item: ServiceCompletion): Promise<ServiceCompletion> {
    const server = await this.server()
    return this.#inTime(server, server.request('completionItem/resolve', item), this.assistPatience)
  }

  /** Markdown about the name at a position: a code block with its declaration, then its documentation. */
  async hover(
    path: string,
    position: Position,
  ): Promise<{ text: string; start: Position; end: Position } | undefined> {
    const hover = await this.#ask('textDocument/hover', path, { position }, this.assistPatience)
    if (!hover?.contents?.value) return undefined
    return { text: hover.contents.value, start: hover.range.start, end: hover.range.end }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#server?.stop()
  }
}
