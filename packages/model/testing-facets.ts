import type { StoredRecord } from './collection.ts'
import { bucketsMax, type Counted, type Facet, type Interval } from './facets.ts'

/** What facets mean, said as plainly as possible: both engines are tested against this. */
export function countPlainly(records: StoredRecord[], facet: Facet): Counted {
  const values = records.flatMap((record) => record[facet.field] ?? [])
  const kept = values.filter((value) => facet.kind !== 'values' || contains(String(value), facet.contains ?? ''))
  const counts = new Map<string | number, number>()
  for (const value of kept) for (const key of keysOf(facet, value)) counts.set(key, (counts.get(key) ?? 0) + 1)
  const buckets = [...counts].map(([key, count]) => ({ key, count }))
  return { buckets: shown(facet, buckets), present: kept.length, absent: records.length - values.length }
}

function keysOf(facet: Facet, value: string | number): (string | number)[] {
  switch (facet.kind) {
    case 'values':
      return [value]
    case 'ranges':
      return facet.ranges.flatMap(({ gte, lt }, at) =>
        (gte === undefined || value >= gte) && (lt === undefined || value < lt) ? [at] : [],
      )
    case 'step':
      return [Math.floor(Number(value) / facet.step) * facet.step]
    case 'interval':
      return [startOf(String(value), facet.interval)]
  }
}

function shown(facet: Facet, buckets: Counted['buckets']): Counted['buckets'] {
  if (facet.kind === 'ranges') return buckets
  if (facet.kind === 'values')
    return buckets.sort((a, b) => b.count - a.count || byBytes(String(a.key), String(b.key))).slice(0, facet.size)
  const ascending = buckets.sort((a, b) => (a.key < b.key ? -1 : 1))
  return facet.kind === 'interval' ? ascending.slice(-bucketsMax) : ascending.slice(0, bucketsMax)
}

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))

function contains(value: string, text: string): boolean {
  const [points, sought] = [[...value], [...text]]
  const is = (point: string | undefined, typed: string) =>
    [typed, typed.toLowerCase(), typed.toUpperCase()].includes(point ?? '')
  return (
    points.length >= sought.length && [...points, ''].some((_, at) => sought.every((one, i) => is(points[at + i], one)))
  )
}

function startOf(time: string, interval: Interval): string {
  const at = new Date(`${time.slice(0, 10)}T00:00:00.000Z`)
  if (interval === 'week') at.setUTCDate(at.getUTCDate() - ((at.getUTCDay() + 6) % 7))
  if (interval === 'month' || interval === 'year') at.setUTCDate(1)
  if (interval === 'year') at.setUTCMonth(0)
  return at.toISOString()
}
