import { readFileSync } from 'node:fs'
import { processId, processTree } from '../servers/process-table.ts'
import type { Sample } from './results.ts'

/** Hertz of the times in /proc: 100 on every Linux that Node runs on. */
const ticks = 100

/** Processes by what they are called in the table: `postgres`, `api`, `load`. */
export type Pids = Record<string, number>

/** What was used between `startMeter()` and `stop()`. */
export interface Meter {
  /** CPU seconds per 1,000 of `count` by process, their sum, and the highest resident memory (MB) of those measured by it. */
  stop(count: number): Sample
}

/**
 * CPU seconds of a process so far, all its threads and children included: those that have ended count with whoever waited for
 * them. 0 where there is no /proc.
 */
export function cpuSeconds(pid: number): number {
  const id = processId(pid)
  if (id === undefined) return 0
  return processTree(id).reduce((sum, one) => sum + timesOf(one.pid), 0) / ticks
}

function timesOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`)
  // The name stands in brackets and may hold anything; after it: state, parent, … utime, stime, cutime, cstime (proc_pid_stat(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
}

/** Resident memory of one process, in MB. */
export function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024
}

/** Starts measuring; memory is looked at four times a second, of the processes named in `memoryOf`. */
export function startMeter(pids: Pids, memoryOf: string[]): Meter {
  const before = Object.entries(pids).map(([name, pid]) => ({ name, pid, cpu: cpuSeconds(pid) }))
  const watched = before.filter(({ name }) => memoryOf.includes(name))
  const peaks = new Map<string, number>()
  const look = () => {
    for (const { name, pid } of watched) peaks.set(name, Math.max(peaks.get(name) ?? 0, residentMb(pid)))
  }
  look()
  const timer = setInterval(look, 250)
  return {
    stop(count) {
      clearInterval(timer)
      look()
      const used = before.map(
        ({ name, pid, cpu }) => [`cpu.${name}`, ((cpuSeconds(pid) - cpu) / count) * 1_000] as const,
      )
      return {
        ...Object.fromEntries(used),
        'cpu.sum': used.reduce((sum, [, seconds]) => sum + seconds, 0),
        ...Object.fromEntries([...peaks].map(([name, mb]) => [`rss.${name}`, mb])),
      }
    },
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
