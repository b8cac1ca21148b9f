/** What is counted over all records that match, beside the page of them. */
export type Facet = ValuesFacet | RangesFacet | IntervalFacet | StepFacet

/** The values of a field: the most frequent first, those that are as frequent by their bytes. */
export interface ValuesFacet {
  kind: 'values'
  field: string
  /** No more than so many values. */
  size: number
  /** Only values that contain this, its letters small or capital. */
  contains?: string
}
/** Ranges that do not overlap; a bound that is absent is none. Times are RFC 3339 in UTC to the millisecond. */
export interface RangesFacet {
  kind: 'ranges'
  field: string
  ranges: Range[]
}
export interface Range {
  name?: string
  gte?: number | string
  lt?: number | string
}
/** Days, weeks, months or years in UTC; weeks begin on Monday. The latest that have records, earliest first. */
export interface IntervalFacet {
  kind: 'interval'
  field: string
  interval: Interval
}
/** Multiples of a whole number, and what is above them up to the next. The lowest that have records, lowest first. */
export interface StepFacet {
  kind: 'step'
  field: string
  step: number
}
export const intervals = ['day', 'week', 'month', 'year'] as const
export type Interval = (typeof intervals)[number]

/** No histogram has more than so many buckets. */
export const bucketsMax = 1_000

/** What an engine counted of a facet. A key is the value, the number of the range, or where the bucket begins. */
export interface Counted {
  buckets: { key: string | number; count: number }[]
  /** Records with a value, and for `contains` with such a value. */
  present: number
  absent: number
}

export interface Bucket {
  value?: string
  name?: string
  gte?: number | string
  lt?: number | string
  count: number
}
/** A facet as it is answered. */
export interface FacetCounts {
  field: string
  interval?: Interval
  step?: number
  buckets: Bucket[]
  /** Records with a value that is in none of the buckets. */
  other: number
  /** Records without a value. */
  absent: number
}

/** What was counted, as it is answered: every bucket says by which condition its records are found. */
export function facetCounts(facet: Facet, { buckets: counted, present, absent }: Counted): FacetCounts {
  const buckets = bucketsOf(facet, counted)
  return {
    field: facet.field,
    ...(facet.kind === 'interval' ? { interval: facet.interval } : {}),
    ...(facet.kind === 'step' ? { step: facet.step } : {}),
    buckets,
    other: present - buckets.reduce((sum, { count }) => sum + count, 0),
    absent,
  }
}

function bucketsOf(facet: Facet, counted: Counted['buckets']): Bucket[] {
  switch (facet.kind) {
    case 'values':
      return counted.map(({ key, count }) => ({ value: String(key), count }))
    case 'ranges': {
      const counts = new Map(counted.map(({ key, count }) => [Number(key), count]))
      return facet.ranges.map((range, at) => ({ ...range, count: counts.get(at) ?? 0 }))
    }
    case 'step':
      return counted.map(({ key, count }) => ({ gte: Number(key), lt: Number(key) + facet.step, count }))
    case 'interval':
      return counted.map(({ key, count }) => {
        const lt = intervalAfter(String(key), facet.interval)
        return { gte: String(key), ...(lt === undefined ? {} : { lt }), count }
      })
  }
}

/** Where the next interval begins; undefined after the year 9999, which no record knows. */
function intervalAfter(start: string, interval: Interval): string | undefined {
  const at = new Date(start)
  if (interval === 'day' || interval === 'week') at.setUTCDate(at.getUTCDate() + (interval === 'day' ? 1 : 7))
  else at.setUTCMonth(at.getUTCMonth() + (interval === 'month' ? 1 : 12))
  const text = at.toISOString()
  return /^\d{4}-/.test(text) ? text : undefined
}

/**
 * A regular expression for what contains this text, each letter small or capital, in the words that Elasticsearch and Postgres
 * read alike. Neither gets to fold anything: they disagree beyond ASCII, and Postgres by its locale.
 */
export function containsPattern(text: string): string {
  return Array.from(text, (point) => {
    const forms = [...new Set([point, point.toLowerCase(), point.toUpperCase()])].filter(
      (form) => [...form].length === 1,
    )
    if (forms.length > 1) return `[${forms.join('')}]`
    return /[!-/:-@[-`{-~]/.test(point) ? `\\${point}` : point
  }).join('')
}
