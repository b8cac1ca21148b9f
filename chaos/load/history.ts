import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'

export type Kind = 'create' | 'patch' | 'delete' | 'bulk' | 'read' | 'search'

/** What a client was told. */
export interface Told {
  status: number
  /** The code of a problem. */
  code?: string
  id?: string
  version?: number
  /** Of the members of a bulk. */
  ids?: string[]
  replayed?: true
  bypass?: true
  retry_after?: number
}

/** One request: what it asked, and its answer or why there is none. */
export interface Call {
  client: number
  /** The operation that it was an attempt at: repeats of one keyed write have the same. */
  op: number
  kind: Kind
  /** Stands in what the write makes (`reference`), so that each stored version says who asked for it. */
  tag?: string
  key?: string
  /** The record that was asked for. */
  id?: string
  if_match?: string
  /** Until when the answer waits. */
  wait?: 'indexed'
  body?: unknown
  /** Milliseconds since the load began. */
  began_ms: number
  ended_ms: number
  answer?: Told
  /** Why there was no answer; ECONNREFUSED: it was never sent. */
  error?: string
}

/** What a scenario did at what moment, in milliseconds since the load began. */
export interface Mark {
  mark: string
  at_ms: number
}

/** What a history is the history of. */
export interface Head {
  scenario: string
  seed: number
  /** Goes before each tag of this run. */
  prefix: string
  /** The last change before it began. */
  change_seq: number
  /** The last row of the ledger before it began. */
  parked: number
}

/** A file of calls as they end, one JSON object a line. */
export interface History {
  file: string
  /** Milliseconds since the load began. */
  now_ms(): number
  add(call: Call): void
  mark(mark: string): void
  close(): void
}

export function createHistory(file: string, head: Head): History {
  const started = performance.now()
  const fd = openSync(file, 'w')
  const write = (line: unknown) => writeSync(fd, `${JSON.stringify(line)}\n`)
  let open = true
  write(head)
  const now_ms = () => Math.round((performance.now() - started) * 10) / 10
  return {
    file,
    now_ms,
    add(call) {
      if (!open) return // an answer that comes after the end was waited for long enough
      write(call)
    },
    mark(mark) {
      if (open) write({ mark, at_ms: now_ms() } satisfies Mark)
    },
    close() {
      if (open) closeSync(fd)
      open = false
    },
  }
}

/** Reads a history back. @throws Error if it is none */
export function readHistory(file: string): { head: Head; calls: Call[]; marks: Mark[] } {
  const [head, ...lines] = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Head | Call | Mark)
  if (head === undefined || !('prefix' in head)) throw new Error(`${file} is no history`)
  return {
    head,
    calls: lines.filter((line): line is Call => 'op' in line),
    marks: lines.filter((line): line is Mark => 'mark' in line),
  }
}
