import { type Facet, intervals, type QueryField, type Range } from '@ordermill/model'
import { limits } from './limits.ts'
import { type Faults, type Path, unknownName } from './members.ts'
import { readBound } from './values.ts'

type FacetKind = Facet['kind']

/** The facets that a field has. */
export function facetsOf({ kind, facet }: QueryField): FacetKind[] {
  if (kind === 'keyword') return facet ? ['values'] : []
  if (kind === 'time') return ['ranges', 'interval']
  return kind === 'integer' || kind === 'money' ? ['ranges', 'step'] : []
}

const members = ['field', 'size', 'ranges', 'interval', 'step'] as const
const sizeOtherwise = 10

/** What to count beside a page: a name of a field stands for its values. */
export function readFacets(faults: Faults, fields: Map<string, QueryField>, value: unknown): Facet[] {
  const list = faults.listOf(value, ['facets'], limits.facets) ?? []
  return list.flatMap((one, at) => readFacet(faults, fields, one, ['facets', at]) ?? [])
}

function readFacet(faults: Faults, fields: Map<string, QueryField>, value: unknown, path: Path): Facet | undefined {
  const isName = typeof value === 'string'
  const sent = isName ? { field: value } : faults.object(value, path, members)
  if (sent === undefined) return undefined
  const here = isName ? path : [...path, 'field']
  const field = fieldOf(faults, fields, sent['field'], here)
  if (field === undefined) return undefined
  const name = String(sent['field'])
  const [kind = 'values', ...more] = (['ranges', 'interval', 'step'] as const).filter((one) => sent[one] !== undefined)
  for (const other of more) faults.add([...path, other], 'either', `does not go with ${kind}`)
  const kinds = facetsOf(field)
  if (!kinds.includes(kind))
    return faults.add(
      kind === 'values' ? here : [...path, kind],
      'facet',
      `${name} is of kind ${field.kind}: it takes ${kinds.map((one) => (one === 'values' ? 'no more than size' : one)).join(' or ')}`,
    )
  if (kind !== 'values' && sent['size'] !== undefined)
    faults.add([...path, 'size'], 'facet', 'goes with the values of a field')
  switch (kind) {
    case 'values': {
      const bounds = { min: 1, max: limits.facetValues, otherwise: sizeOtherwise }
      return { kind, field: name, size: faults.whole(sent['size'], [...path, 'size'], bounds) }
    }
    case 'ranges':
      return { kind, field: name, ranges: readRanges(faults, field, sent['ranges'], [...path, 'ranges']) }
    case 'interval': {
      const interval = faults.word(sent['interval'], [...path, 'interval'], intervals)
      return interval && { kind, field: name, interval }
    }
    case 'step': {
      const bounds = { min: 1, max: limits.step, otherwise: 1 }
      return { kind, field: name, step: faults.whole(sent['step'], [...path, 'step'], bounds) }
    }
  }
}

function fieldOf(faults: Faults, fields: Map<string, QueryField>, name: unknown, path: Path): QueryField | undefined {
  const known = [...fields].filter(([, field]) => facetsOf(field).length > 0).map(([one]) => one)
  const field = typeof name === 'string' ? fields.get(name) : undefined
  if (field === undefined)
    return faults.add(path, 'unknown', typeof name === 'string' ? unknownName(name, known) : 'must name a field')
  if (facetsOf(field).length > 0) return field
  return faults.add(path, 'facet', `is of kind ${field.kind} and has no facets: ${known.join(', ')} have`)
}

function readRanges(faults: Faults, field: QueryField, value: unknown, path: Path): Range[] {
  const list = faults.listOf(value, path, limits.ranges) ?? []
  const ranges = list.map((one, at) => readRange(faults, field, one, [...path, at]))
  const names = new Set<string>()
  for (const [at, range] of ranges.entries()) {
    if (range?.name !== undefined && names.has(range.name)) faults.add([...path, at, 'name'], 'twice', 'is named twice')
    names.add(range?.name ?? '')
    // Of two that overlap one record would be in both, and the counts would add up to nothing.
    const before = ranges.slice(0, at).findIndex((other) => other && range && overlap(range, other))
    if (before >= 0) faults.add([...path, at], 'overlap', `overlaps the range ${before}`)
  }
  return ranges.flatMap((range) => range ?? [])
}

const overlap = (one: Range, other: Range): boolean => below(one.gte, other.lt) && below(other.gte, one.lt)
const below = (gte: Range['gte'], lt: Range['lt']): boolean => gte === undefined || lt === undefined || gte < lt

function readRange(faults: Faults, field: QueryField, value: unknown, path: Path): Range | undefined {
  const sent = faults.object(value, path, ['name', 'gte', 'lt'])
  if (sent === undefined) return undefined
  const name = sent['name'] === undefined ? undefined : faults.text(sent['name'], [...path, 'name'], limits.rangeName)
  const read = (bound: 'gte' | 'lt') =>
    sent[bound] === undefined ? undefined : readBound(faults, field, sent[bound], [...path, bound])
  const [gte, lt] = [read('gte'), read('lt')]
  if (sent['gte'] === undefined && sent['lt'] === undefined)
    return faults.add(path, 'required', 'must have gte, lt or both')
  if (!below(gte, lt)) return faults.add(path, 'empty', 'holds nothing: gte must be below lt')
  return { ...(name !== undefined && { name }), ...(gte !== undefined && { gte }), ...(lt !== undefined && { lt }) }
}
