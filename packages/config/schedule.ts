/** When something recurs: a cron expression in UTC, or every so many milliseconds. */
export type Every = { cron: string } | { interval_ms: number }

const named: Record<string, string> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
}
const span = /^@every (?=\d)(?:(\d{1,2})h)?(?:(\d{1,4})m)?(?:(\d{1,5})s)?$/
const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')
const days = 'sun mon tue wed thu fri sat'.split(' ')
/** The last day that a month can have. */
const lastDays = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const bounds: [number, number][] = [
  [0, 59],
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
]

/** Reads a schedule; undefined if it is none, or would never come. */
export function parseEvery(text: string): Every | undefined {
  const trimmed = text.trim()
  const parts = span.exec(trimmed)
  if (parts !== null) {
    const [hours = 0, minutes = 0, seconds = 0] = parts.slice(1).map((part) => Number(part ?? 0))
    const interval_ms = ((hours * 60 + minutes) * 60 + seconds) * 1_000
    return interval_ms >= 1_000 && interval_ms <= 86_400_000 ? { interval_ms } : undefined
  }
  const cron = named[trimmed] ?? trimmed
  const fields = cron.split(/\s+/)
  const from = 6 - fields.length
  if (from < 0 || from > 1) return undefined
  const read = fields.map((field, at) => readField(field, at + from))
  if (read.some((values) => values.length === 0)) return undefined
  const [inMonth, inYear] = [read[3 - from] ?? [], read[4 - from] ?? []]
  return inYear.some((month) => inMonth.some((day) => day <= (lastDays[month - 1] ?? 0))) ? { cron } : undefined
}

/** Every value that a cron field names; none if it is no such field. */
function readField(field: string, at: number): number[] {
  const [low = 0, high = 0] = bounds[at] ?? []
  const names =
    at === 4
      ? months.map((name, n) => [name, n + 1] as const)
      : at === 5
        ? days.map((name, n) => [name, n] as const)
        : []
  const numberOf = (word: string) => names.find(([name]) => name === word.toLowerCase())?.[1] ?? Number(word)
  const ranges = field.split(',').map((part) => {
    const match = /^(?:\*|(\d{1,2}|[a-z]{3})(?:-(\d{1,2}|[a-z]{3}))?)(?:\/(\d{1,2}))?$/i.exec(part)
    if (match === null) return []
    const [, first, last, step] = match
    if (step !== undefined && (Number(step) < 1 || (first !== undefined && last === undefined))) return []
    const start = first === undefined ? low : numberOf(first)
    const end = last === undefined ? (first === undefined ? high : start) : numberOf(last)
    const ordered = start >= low && start <= end && end <= high
    return ordered
      ? Array.from({ length: end - start + 1 }, (_, n) => start + n).filter((_, n) => n % Number(step ?? 1) === 0)
      : []
  })
  return ranges.some((values) => values.length === 0) ? [] : ranges.flat()
}
