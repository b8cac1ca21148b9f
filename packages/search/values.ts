import { isId, type QueryField } from '@ordermill/model'
import type { Faults, Path } from './members.ts'

/** Operators that fit a kind of field, in words. */
export const operatorsOf = ({ kind, search }: QueryField): string[] => {
  if (kind === 'text') return search.length === 0 ? [] : ['text_matches']
  return kind === 'keyword' || kind === 'id' ? ['keyword_match'] : ['range_query']
}

const keywordMax = 255
const numberMax = 1e15
const integerMax = 2 ** 31 - 1

/** A value that a field is compared with whole. */
export function readEqual(faults: Faults, { kind }: QueryField, value: unknown, path: Path): string | undefined {
  const text = faults.text(value, path, keywordMax)
  if (text === undefined || kind !== 'id') return text
  const id = text.toLowerCase()
  return isId(id) ? id : faults.add(path, 'format', 'must be a UUID')
}

/** A bound of a range: a number, or a time as RFC 3339 in UTC to the millisecond. */
export function readBound(
  faults: Faults,
  { kind }: QueryField,
  value: unknown,
  path: Path,
): number | string | undefined {
  if (kind === 'time') return readTime(faults, value, path)
  if (kind === 'integer') {
    if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= integerMax)
      return value === 0 ? 0 : value
    return faults.add(path, 'range', `must be a whole number from -${integerMax} to ${integerMax}`)
  }
  const fits = typeof value === 'number' && Number.isFinite(value) && Math.abs(value) <= numberMax
  if (!fits) return faults.add(path, 'range', `must be a number from -${numberMax} to ${numberMax}`)
  return value === 0 ? 0 : value
}

const day = /^\d{4}-\d{2}-\d{2}$/
const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/

/** A day is its first moment in UTC. */
function readTime(faults: Faults, value: unknown, path: Path): string | undefined {
  const detail = 'must be a day or a time with its offset in the years 0001 to 9999, as in 2026-01-31T09:30:00Z'
  const told = () => faults.add(path, 'time', detail)
  if (typeof value !== 'string' || !(day.test(value) || instant.test(value))) return told()
  const at = Date.parse(value)
  if (Number.isNaN(at)) return told()
  const text = new Date(at).toISOString()
  const isReal = new Date(Date.parse(`${value.slice(0, 10)}T00:00:00Z`)).toISOString().startsWith(value.slice(0, 10))
  return isReal && /^(?!0000)\d{4}-/.test(text) ? text : told()
}
