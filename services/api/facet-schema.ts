import { bucketsMax, type Collection, intervals, queryFields } from '@ordermill/model'
import { facetsOf, limits } from '@ordermill/search'
import Type, { type TSchema } from 'typebox'
import { named } from './schemas.ts'

const closed = { additionalProperties: false }

/** What a query may ask to be counted. Rules that this cannot say are checked where a query is read. */
export function facetsSchema(c: Collection): TSchema {
  const fields = [...queryFields(c)]
  const names = (fits: (kind: string) => boolean, facet: 'values' | 'ranges' | 'interval' | 'step') =>
    Type.Enum(fields.filter(([, field]) => fits(field.kind) && facetsOf(field).includes(facet)).map(([name]) => name))
  const isTime = (kind: string) => kind === 'time'
  const isNumber = (kind: string) => kind === 'integer' || kind === 'money'
  const values = names(() => true, 'values')
  const ranges = (bound: TSchema) =>
    Type.Array(
      Type.Object(
        {
          name: Type.Optional(Type.String({ minLength: 1, maxLength: limits.rangeName })),
          gte: Type.Optional(bound),
          lt: Type.Optional(bound),
        },
        { ...closed, minProperties: 1 },
      ),
      { minItems: 1, maxItems: limits.ranges, description: 'They must not overlap.' },
    )
  const time = Type.String({ description: 'RFC 3339, or a day: its first moment in UTC.', examples: ['2026-01-01'] })
  const size = Type.Integer({ minimum: 1, maximum: limits.facetValues, default: 10, description: 'The most frequent.' })
  const facet = Type.Union([
    values,
    Type.Object({ field: values, size: Type.Optional(size) }, closed),
    Type.Object({ field: names(isNumber, 'ranges'), ranges: ranges(Type.Number({ examples: [10] })) }, closed),
    Type.Object({ field: names(isTime, 'ranges'), ranges: ranges(time) }, closed),
    Type.Object({ field: names(isTime, 'interval'), interval: Type.Enum([...intervals]) }, closed),
    Type.Object({ field: names(isNumber, 'step'), step: Type.Integer({ minimum: 1, maximum: limits.step }) }, closed),
  ])
  return Type.Array(facet, {
    minItems: 1,
    maxItems: limits.facets,
    description: 'What to count of all that match, not of the page alone.',
  })
}

/** What they are answered with. */
export function facetCountsSchema(): TSchema {
  const count = Type.Integer({ minimum: 0 })
  const bound = Type.Union([Type.String(), Type.Number()])
  const bucket = Type.Object({
    value: Type.Optional(Type.String({ description: 'Of a keyword.' })),
    name: Type.Optional(Type.String({ description: 'Of a range that has one.' })),
    gte: Type.Optional(bound),
    lt: Type.Optional(bound),
    count,
  })
  const facet = Type.Object({
    field: Type.String(),
    interval: Type.Optional(Type.Enum([...intervals])),
    step: Type.Optional(Type.Integer({ minimum: 1 })),
    buckets: Type.Array(named('Bucket', bucket), {
      maxItems: bucketsMax,
      description: `Values: the most frequent first. Ranges: as asked. Intervals: the latest ${bucketsMax} that have records, earliest first. Steps: the lowest ${bucketsMax}.`,
    }),
    other: Type.Integer({ minimum: 0, description: 'Records with a value that is in none of the buckets.' }),
    absent: Type.Integer({ minimum: 0, description: 'Records without a value.' }),
  })
  return Type.Array(named('FacetCounts', facet), {
    description: 'One for each facet that was asked for, in that order.',
  })
}

/** A facet of each kind that there is a field for. */
export function facetsExample(c: Collection): unknown[] {
  const fields = [...queryFields(c)]
  const first = (facet: 'values' | 'step' | 'interval') =>
    fields.filter(([, field]) => facetsOf(field).includes(facet)).map(([name]) => name)
  const examples: Record<'values' | 'step' | 'interval', (field: string) => unknown[]> = {
    values: (field) => [field, { field, size: 3 }],
    step: (field) => [
      { field, ranges: [{ name: 'few', lt: 10 }, { gte: 10 }] },
      { field, step: 10 },
    ],
    interval: (field) => [{ field, interval: 'day' }],
  }
  return (['values', 'step', 'interval'] as const).flatMap((facet) =>
    first(facet)
      .slice(0, 1)
      .flatMap((field) => examples[facet](field)),
  )
}
