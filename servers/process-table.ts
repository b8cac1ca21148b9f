import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/**
 * Processes, told apart for good: a pid alone may have been given to somebody else since, a pid with the moment
 * it was started has not. Nothing here ever looks a process up by its name.
 */
export type ProcessId = { pid: number; started: string }

type Row = ProcessId & { parent: number; group: number }

const isLinux = process.platform === 'linux'
let bootId: string | undefined

function readBootId(): string {
  bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return bootId
}

function linuxRow(pid: number): Row | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // The program's name stands in brackets and may hold anything, brackets too: read from the last one.
  const [state, parent, group, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (state === 'Z' || state === 'X') return undefined
  return { pid, parent: Number(parent), group: Number(group), started: `${readBootId()}/${rest[16]}` }
}

function psRows(args: string[]): Row[] {
  let out: string
  try {
    out = execFileSync('ps', [...args, '-o', 'pid=,ppid=,pgid=,stat=,lstart='], { encoding: 'utf8' })
  } catch {
    return []
  }
  return out.split('\n').flatMap((line) => {
    const [pid, parent, group, state, ...started] = line.trim().split(/\s+/)
    if (!pid || state?.startsWith('Z')) return []
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), started: started.join(' ') }]
  })
}

function allRows(): Row[] {
  if (!isLinux) return psRows(['-ax'])
  return readdirSync('/proc').flatMap((entry) => {
    const row = /^\d+$/.test(entry) ? linuxRow(Number(entry)) : undefined
    return row ? [row] : []
  })
}

/** The process with this pid, now; undefined when there is none (or only its remains). */
export function processId(pid: number): ProcessId | undefined {
  const row = isLinux ? linuxRow(pid) : psRows(['-p', String(pid)])[0]
  return row && { pid: row.pid, started: row.started }
}

/** Whether this very process still runs. */
export function isRunning(id: ProcessId): boolean {
  return processId(id.pid)?.started === id.started
}

/** The process, all it started, all they started, and whoever is in its group: itself first. None when it is gone. */
export function processTree(id: ProcessId): ProcessId[] {
  const rows = allRows()
  const leader = rows.find((row) => row.pid === id.pid && row.started === id.started)
  if (!leader) return []
  return withChildren([leader, ...rows.filter((row) => row.group === id.pid)], rows)
}

/** Who is left in the group of a leader that has ended this moment: later, its pid may be somebody else's. */
export function groupLeft(leaderPid: number): ProcessId[] {
  const rows = allRows()
  return withChildren(
    rows.filter((row) => row.group === leaderPid),
    rows,
  )
}

function withChildren(roots: Row[], rows: Row[]): ProcessId[] {
  const found = new Map<number, ProcessId>()
  const visit = ({ pid, started }: Row): void => {
    if (found.has(pid)) return
    found.set(pid, { pid, started })
    for (const child of rows) if (child.parent === pid) visit(child)
  }
  roots.forEach(visit)
  return [...found.values()]
}

/** Sends a signal to exactly this process. False when it is gone. */
export function signalProcess(id: ProcessId, signal: NodeJS.Signals): boolean {
  if (!isRunning(id)) return false
  try {
    process.kill(id.pid, signal)
    return true
  } catch {
    return false
  }
}
