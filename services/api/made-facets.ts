import { type Facet, intervals, type Range, type StoredRecord } from '@ordermill/model'
import fc, { type Arbitrary } from 'fast-check'

/** Facets of every kind, by what some of these records have. */
export function madeFacets(records: StoredRecord[]): Arbitrary<Facet[]> {
  return fc.array(fc.oneof(valuesFacet(records), rangesFacet(records), intervalFacet(), stepFacet()), {
    minLength: 1,
    maxLength: 5,
  })
}

function valuesFacet(records: StoredRecord[]): Arbitrary<Facet> {
  return fc.constantFrom('status', 'currency', 'customer_id', 'reference').chain((field) => {
    const pieces = fc
      .tuple(fc.constantFrom(...records), fc.nat(4), fc.integer({ min: 1, max: 3 }), fc.constantFrom('', '.', 'É'))
      .map(([record, start, count, more]) => {
        const points = [...String(record[field] ?? 'x')]
        return (
          points
            .slice(start % points.length)
            .slice(0, count)
            .join('') + (start === 4 ? more : '')
        )
      })
    const typed = fc
      .tuple(pieces, fc.boolean())
      .map(([text, large]) => (large ? text.toUpperCase() : text.toLowerCase()))
    return fc
      .record({ size: fc.constantFrom(1, 2, 3, 10, 100), contains: fc.option(typed, { nil: undefined }) })
      .map(({ size, contains }) => ({ kind: 'values', field, size, ...(contains === undefined ? {} : { contains }) }))
  })
}

/** Ranges between values that there are, some left out, open at the ends or not. */
function rangesFacet(records: StoredRecord[]): Arbitrary<Facet> {
  return fc.constantFrom('amount', 'quantity', 'placed_at', 'version').chain((field) =>
    fc
      .record({
        edges: fc.uniqueArray(fc.constantFrom(...records.map((record) => record[field] ?? 0)), {
          minLength: 1,
          maxLength: 8,
        }),
        open: fc.tuple(fc.boolean(), fc.boolean()),
        without: fc.nat(9),
        turned: fc.boolean(),
      })
      .map(({ edges, open: [below, above], without, turned }): Facet => {
        const sorted = edges.toSorted((a, b) => (a < b ? -1 : 1))
        const between = sorted.slice(1).map((lt, at): Range => ({ gte: sorted[at] ?? lt, lt }))
        const [first, last] = [sorted[0] ?? 0, sorted.at(-1) ?? 0]
        const all: Range[] = [
          ...(below ? [{ lt: first }] : []),
          ...between,
          ...(above ? [{ name: 'more', gte: last }] : []),
        ]
        const some = all.filter((_, at) => all.length === 1 || at !== without)
        const ranges = some.length === 0 ? [{ gte: first }] : some
        return { kind: 'ranges', field, ranges: turned ? ranges.toReversed() : ranges }
      }),
  )
}

const intervalFacet = (): Arbitrary<Facet> =>
  fc.record({
    kind: fc.constant('interval' as const),
    field: fc.constantFrom('placed_at', 'created_at'),
    interval: fc.constantFrom(...intervals),
  })

const stepFacet = (): Arbitrary<Facet> =>
  fc.record({
    kind: fc.constant('step' as const),
    field: fc.constantFrom('amount', 'quantity', 'version'),
    step: fc.constantFrom(1, 2, 3, 7, 10, 1_000, 1e12),
  })
