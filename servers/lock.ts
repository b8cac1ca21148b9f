import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { errnoOf, ServerProblem } from './problem.ts'
import { isRunning, type ProcessId, processId } from './process-table.ts'
import { waitFor } from './waiting.ts'

/** Who holds the lock at `path`, if a living process does. */
export function holderOf(path: string): ProcessId | undefined {
  const holder = readHolder(path)
  return holder && isRunning(holder) ? holder : undefined
}

function readHolder(path: string): ProcessId | undefined {
  try {
    const { pid, started } = JSON.parse(readFileSync(path, 'utf8')) as Partial<ProcessId>
    return typeof pid === 'number' && typeof started === 'string' ? { pid, started } : undefined
  } catch {
    return undefined
  }
}

/** One try to take the lock file for this process; true when it is ours. The dead hold nothing. */
export function tryLock(path: string): boolean {
  const own = processId(process.pid)
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  const claim = `${path}.${process.pid}`
  try {
    writeFileSync(claim, JSON.stringify(own))
    // link() makes the lock appear with its content in one step: nobody ever reads a half-written holder.
    linkSync(claim, path)
    return true
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    return holderOf(path) ? false : takeFromTheDead(claim, path)
  } finally {
    rmSync(claim, { force: true })
  }
}

function takeFromTheDead(claim: string, path: string): boolean {
  const aside = `${path}.dead.${process.pid}`
  try {
    renameSync(path, aside)
  } catch {
    return false
  }
  const moved = holderOf(aside)
  // Somebody was quicker, and this moved his lock away: give it back.
  if (moved) {
    renameSync(aside, path)
    return false
  }
  unlinkSync(aside)
  try {
    linkSync(claim, path)
    return true
  } catch {
    return false
  }
}

/** Gives the lock back, if it is ours. */
export function unlock(path: string): void {
  if (holderOf(path)?.pid !== process.pid) return
  unlinkSync(path)
}

/** Runs `work` while no other process does the same. Throws NOT_READY when the others take longer than `timeoutMs`. */
export async function withLock<T>(path: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  const taken = await waitFor(() => (tryLock(path) ? true : undefined), { timeoutMs, everyMs: 250 })
  if (!taken) {
    const pid = holderOf(path)?.pid ?? 'unknown'
    throw new ServerProblem('NOT_READY', `Process ${pid} holds ${path} for too long. End it and start again.`)
  }
  try {
    return await work()
  } finally {
    unlock(path)
  }
}
