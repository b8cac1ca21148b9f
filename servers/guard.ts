import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { ProcessId } from './process-table.ts'

/** A process the guard ends when we are gone: first with `signal`, and when `graceMs` have passed with SIGKILL. */
export type Guarded = ProcessId & { signal: NodeJS.Signals; graceMs: number }

/**
 * Nothing stays behind when this process is killed with SIGKILL and cannot clean up itself: a second process
 * holds the other end of a pipe, and when that end closes, for whatever reason, it ends everything on its list.
 */
export class Guard {
  readonly #entries = new Map<number, Guarded>()
  #child: ChildProcess | undefined
  #closed = false

  /** Puts a process on the list. */
  add(entry: Guarded): void {
    this.#entries.set(entry.pid, entry)
    if (!this.#child) this.#spawn()
    else this.#tell({ add: entry })
  }

  /** Takes a process that has ended from the list. */
  drop(pid: number): void {
    this.#entries.delete(pid)
    this.#tell({ drop: pid })
  }

  /** The guard goes; what is still on the list is ended by it. */
  close(): void {
    this.#closed = true
    this.#child?.stdin?.end()
  }

  /** The guard's own pid, while there is one. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  #spawn(): void {
    const script = join(import.meta.dirname, 'guard-process.ts')
    // Its own session: a Ctrl-C or a kill of our group must not reach it.
    const child = spawn(process.execPath, [script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
    this.#child = child
    child.on('error', () => undefined)
    child.stdin?.on('error', () => undefined)
    child.once('exit', () => {
      if (this.#child !== child) return
      this.#child = undefined
      if (!this.#closed && this.#entries.size > 0) this.#spawn()
    })
    child.unref()
    if (child.stdin && 'unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref()
    for (const entry of this.#entries.values()) this.#tell({ add: entry })
  }

  #tell(message: { add: Guarded } | { drop: number }): void {
    this.#child?.stdin?.write(`${JSON.stringify(message)}\n`)
  }
}
