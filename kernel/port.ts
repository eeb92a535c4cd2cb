/** What the two threads tell each other. The protocol thread owns the sockets, the main thread runs the user's code. */
import type { MessagePort } from 'node:worker_threads'
import type { MimeBundle } from '../src/host.js'
import type { Descriptors } from './descriptors.js'

/** Names what caused something: a cell, or a message of a comm. Given out by the protocol thread; 0 is the kernel itself. */
export type Cause = number

/** A program to evaluate: what `compileCell` made of a cell or of an expression. */
export interface Program {
  program: string
  map?: string
}

/** A value that was shown: by MIME type. `live`: it will soon be shown anew. */
export interface Shown {
  data: MimeBundle
  metadata: object
  live?: boolean
}

/**
 * What will soon be shown anew, its data as JSON: a live view is written once, where to copy it from thread to thread and
 * write it there takes twice the work.
 */
export interface ShownText {
  json: string
}

/** An error as front ends show it. */
export interface Problem {
  ename: string
  evalue: string
  /** Lines with ANSI colours: what happened first, then where. */
  traceback: string[]
}

export type CommMessage =
  | { kind: 'open'; id: string; target: string; data: unknown; metadata?: object; buffers?: Uint8Array[] }
  | { kind: 'message' | 'close'; id: string; data: unknown; metadata?: object; buffers?: Uint8Array[] }

/** How a cell ended. */
export type Outcome =
  | { status: 'ok'; result?: Shown; expressions: Record<string, Shown | Problem> }
  | { status: 'error'; problem: Problem }

export type ToMain =
  | {
      type: 'run'
      cause: Cause
      number: number
      source: string
      cellId?: string
      program: Program
      expressions: Record<string, Program | Problem>
      /** Whether the front end answers questions. */
      canAsk: boolean
    }
  /** Raise the abort signal of the running cell. */
  | { type: 'stop'; cause: Cause }
  /** Wait no longer for these cells: the protocol thread answers for them. `terminated`: JavaScript was ended in the middle before. */
  | { type: 'abandon'; causes: Cause[]; terminated: boolean }
  | { type: 'comm'; cause: Cause; comm: CommMessage }
  /** The live value at the end of a chain of names; `members`: what can be written behind it, beginning with `prefix`. */
  | { type: 'look'; id: number; path: string[]; members?: { prefix: string; keysOnly: boolean } }
  | { type: 'answer'; id: number; value: string | null }
  | { type: 'exit' }

/** What was seen of a live value. */
export interface Looked {
  shown?: Shown
  /** What it is, as a type reads. */
  type?: string
  members?: { name: string; kind: string; type: string }[]
  /** It is an object of no class, which may have more than its type says. */
  isOpen?: boolean
}

export type ToProtocol =
  | { type: 'ready' }
  | { type: 'write'; cause: Cause; stream: 'stdout' | 'stderr'; text: string }
  | { type: 'show'; cause: Cause; shown: Shown | ShownText; displayId?: string; update?: boolean }
  | { type: 'clear'; cause: Cause; wait: boolean }
  /** An error that came when its cell had ended already, or beside it. */
  | { type: 'failed'; cause: Cause; problem: Problem }
  | { type: 'done'; cause: Cause; outcome: Outcome }
  | { type: 'abandoned' }
  | { type: 'comm'; cause: Cause; comm: CommMessage }
  /** A comm message was dealt with; `unknown`: nobody here knows the comm or its target. */
  | { type: 'handled'; cause: Cause; unknown?: boolean }
  | { type: 'looked'; id: number; found?: Looked }
  | { type: 'ask'; cause: Cause; id: number; question: string; password: boolean; blocking: boolean }
  /** The user pressed Ctrl-C in the kernel's terminal. */
  | { type: 'interrupt' }
  /** The process is about to end with this code; answered through `Shared.exit`. */
  | { type: 'exiting'; code: number }
  | { type: 'child'; pid: number; alive: boolean }
  /** A child that was waited for has ended: what it wrote comes before what is said next. */
  | { type: 'drain' }

/** Places in the memory that both threads see. */
export const Shared = {
  /** 1 while Stop is pressed. */
  interrupted: 0,
  /** Counts answers to blocking questions. */
  answers: 1,
  /** Characters of output that have not left yet. */
  backlog: 2,
  /** 1 once everything has been sent and the process may end. */
  exit: 3,
  /** 1 while a debugger is attached: the engine then lets it see which errors nobody catches. */
  debugged: 4,
  /** Counts answers to `drain`. */
  drained: 5,
  /** 1 while the callbacks of what Stop ends are not called: they are a loop. */
  breaking: 6,
  /** The first of some places for the causes that Stop ends now; 0 where there is none. */
  ending: 7,
} as const

/** Cells that Stop can end at once: one for each subshell. */
const endings = 8

/** What a write counts in the backlog beside its characters: many small ones are as much work as few large ones. */
export const writeCost = 200

export function createShared(): Int32Array {
  return new Int32Array(new SharedArrayBuffer((Shared.ending + endings) * Int32Array.BYTES_PER_ELEMENT))
}

/** The places of `Shared.ending`. */
export function endingsOf(shared: Int32Array): Int32Array {
  return shared.subarray(Shared.ending, Shared.ending + endings)
}

/** Kernels whose notebooks run here as they are (`gradbook install --as`). jslab's cells are JavaScript. */
export const standIns = ['tslab', 'jslab'] as const
export type StandIn = (typeof standIns)[number]

/** What the protocol thread is started with. */
export interface ProtocolData {
  connectionFile: string
  shared: Int32Array
  /** Answers to blocking questions: the main thread reads them without an event loop. */
  answers: MessagePort
  /** The notebook's folder. */
  folder: string
  /** The kernel's own installation: the folder that holds its package.json. */
  home: string
  descriptors: Descriptors | undefined
  /** The kernel that this one stands in for: its notebooks are checked as it checked them. */
  as?: StandIn | undefined
  /** Process id of the front end's side that shall take the kernel with it when it ends. */
  parent?: number
}
