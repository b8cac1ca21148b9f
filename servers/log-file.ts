import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs'

const ROTATE_BYTES = 50 * 1024 * 1024

/** Opens a log for appending; one that has grown past 50 MB is put aside as `.1` first. */
export function openLog(path: string): number {
  try {
    if (statSync(path).size > ROTATE_BYTES) renameSync(path, `${path}.1`)
  } catch {
    // Not there yet.
  }
  return openSync(path, 'a', 0o644)
}

/** How long the log is now: what is written later starts there. */
export function logSize(path: string): number {
  try {
    return statSync(path).size
  } catch {
    return 0
  }
}

/** The last lines written at or after `from`, at most 64 KB of them. */
export function logTail(path: string, from = 0): string {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return ''
  }
  try {
    const { size } = fstatSync(file)
    const start = Math.max(from, size - 64 * 1024)
    const bytes = Buffer.alloc(Math.max(0, size - start))
    return bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, start))
  } finally {
    closeSync(file)
  }
}
