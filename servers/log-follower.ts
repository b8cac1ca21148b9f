import { closeSync, openSync, readSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { logSize } from './log-file.ts'

/**
 * Calls `onLine` with each line written to a log from now on; the writer never waits for whoever reads. Returns a
 * function that ends it, after what is there has been read.
 */
export function followLog(path: string, onLine: (line: string) => void): () => void {
  let at = logSize(path)
  let rest = ''
  const decoder = new StringDecoder('utf8')
  const read = (): void => {
    const size = logSize(path)
    // Put aside and begun anew.
    if (size < at) at = 0
    if (size === at) return
    const file = openSync(path, 'r')
    const bytes = Buffer.alloc(Math.min(size - at, 1024 * 1024))
    const count = readSync(file, bytes, 0, bytes.length, at)
    closeSync(file)
    at += count
    const lines = (rest + decoder.write(bytes.subarray(0, count))).split('\n')
    rest = lines.pop() ?? ''
    lines.filter(Boolean).forEach(onLine)
  }
  const timer = setInterval(read, 250)
  timer.unref()
  return () => {
    clearInterval(timer)
    read()
  }
}

/** Levels as pino writes them, by name or by number. */
const QUIET: unknown[] = ['trace', 'debug', 'info', 10, 20, 30]

/** A log line of a service in brief, for the terminal: what is less than a warning gives undefined. */
export function inBrief(service: string, line: string): string | undefined {
  if (!line.startsWith('{')) return `${service}: ${line}`
  try {
    const { level, component, msg, err } = JSON.parse(line) as Record<string, unknown>
    if (QUIET.includes(level)) return undefined
    const cause = typeof err === 'object' && err !== null && 'message' in err ? String(err.message) : undefined
    const from = component === undefined ? service : `${service} ${component}`
    return `${from}: ${msg ?? ''}${cause === undefined || cause === msg ? '' : ` (${cause})`}`
  } catch {
    return `${service}: ${line}`
  }
}
