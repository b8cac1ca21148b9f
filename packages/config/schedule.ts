/** When something recurs: a cron expression in UTC, or every so many milliseconds. */
export type Every = { cron: string } | { interval_ms: number }

const named: Record<string, string> = { '@hourly': '0 * * * *', '@daily': '0 0 * * *' }
const unit_ms: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000 }
const bounds: [number, number][] = [
  [0, 59],
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
]

/** Reads a schedule; undefined if it is none. */
export function parseEvery(text: string): Every | undefined {
  const trimmed = text.trim()
  const span = /^@every (\d{1,6})([smh])$/.exec(trimmed)
  if (span !== null) {
    const interval_ms = Number(span[1]) * (unit_ms[span[2] ?? ''] ?? 0)
    return interval_ms >= 1_000 && interval_ms <= 86_400_000 ? { interval_ms } : undefined
  }
  const cron = named[trimmed] ?? trimmed
  const fields = cron.split(/\s+/)
  const from = 6 - fields.length
  if (from < 0 || from > 1) return undefined
  return fields.every((field, at) => isCronField(field, bounds[at + from] ?? [0, 0])) ? { cron } : undefined
}

function isCronField(field: string, [low, high]: [number, number]): boolean {
  return field.split(',').every((part) => {
    const match = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part)
    if (match === null) return false
    const numbers = [match[1], match[2]].filter((n) => n !== undefined).map(Number)
    return numbers.every((n) => n >= low && n <= high) && (match[3] === undefined || Number(match[3]) >= 1)
  })
}
