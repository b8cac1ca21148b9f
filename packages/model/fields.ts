import Type, { type TSchema } from 'typebox'
import { decimalsIn, decimalsOf, isExact } from './currency.ts'

/** How a text may be searched: `phrase` and words, `prefix` as you type, `substring` anywhere, `fuzzy` misspelt. */
export type SearchKind = 'phrase' | 'prefix' | 'substring' | 'fuzzy'

/** What is wrong with a value, or undefined. */
export type Check<T> = (value: T, siblings: Record<string, unknown>) => { code: string; detail: string } | undefined

/** One field of a collection: everything that schema, column, mapping and documents are made from. */
export interface Field<T = unknown> {
  kind: 'text' | 'keyword' | 'integer' | 'money' | 'time'
  /** May be absent; it is null then. */
  optional: boolean
  /** Stands in when the field is absent; 'accepted' is the time of acceptance. */
  fallback: string | number | undefined
  /** What a client may send, and the same in words: told when a value is something else. */
  input: TSchema
  expects: string
  /** What is stored and answered. */
  output: TSchema
  /** What a schema cannot say, checked on the value as `normalise` left it. */
  check(value: T, siblings: Record<string, unknown>): ReturnType<Check<T>>
  normalise(value: T): T
  search: SearchKind[]
  facet: boolean
}

interface Options<T> {
  optional?: true
  default?: T
  description?: string
  examples?: T[]
}
type Value<T, O> = O extends { optional: true } ? T | null : T

/** Characters that neither jsonb nor a text column can hold. */
const unstorable: Check<string> = (value) => {
  if (value.includes('\u0000')) return { code: 'nul', detail: 'must not contain the character U+0000' }
  if (!value.isWellFormed()) return { code: 'surrogate', detail: 'must not contain half of a surrogate pair' }
  return undefined
}
const describe = <T>({ description, examples, default: fallback }: Options<T>) => ({
  ...(description === undefined ? {} : { description }),
  ...(examples === undefined ? {} : { examples }),
  ...(fallback === undefined || fallback === 'accepted' ? {} : { default: fallback }),
})
const same = <T>(value: T): T => value

/** Free text, trimmed; `min` and `max` count characters (code points) after trimming. */
export function text<const O extends Options<string> & { min: number; max: number; search?: SearchKind[] }>(
  options: O,
): Field<Value<string, O>> {
  const { min, max } = options
  return {
    kind: 'text',
    optional: options.optional ?? false,
    fallback: options.default,
    input: Type.String({ minLength: min, ...describe(options) }),
    expects: `must be text of ${min} to ${max} characters`,
    output: Type.String({ minLength: min, maxLength: max, ...describe(options) }),
    normalise: (value) => (typeof value === 'string' ? (value.trim() as typeof value) : value),
    check: (value, siblings) => {
      if (value === null) return undefined
      const length = value.length <= max ? value.length : [...value].length
      if (length < min || length > max)
        return { code: 'length', detail: `must have ${min} to ${max} characters after trimming` }
      return unstorable(value, siblings)
    },
    search: options.search ?? [],
    facet: false,
  }
}

/** A code, name or reference that is compared whole: 1 to `max` characters (255). */
export function keyword<
  const O extends Options<string> & {
    max?: number
    pattern?: string
    /** What the pattern asks for, in words. */
    expects?: string
    facet?: boolean
    check?: Check<string>
  },
>(options: O): Field<Value<string, O>> {
  const { max = 255, pattern } = options
  const schema = Type.String({
    minLength: 1,
    maxLength: max,
    ...(pattern === undefined ? {} : { pattern }),
    ...describe(options),
  })
  return {
    kind: 'keyword',
    optional: options.optional ?? false,
    fallback: options.default,
    input: schema,
    expects: options.expects ?? `must be text of 1 to ${max} characters`,
    output: schema,
    normalise: same,
    check: (value, siblings) =>
      value === null ? undefined : (unstorable(value, siblings) ?? options.check?.(value, siblings)),
    search: [],
    facet: options.facet ?? false,
  }
}

/** A whole number from `min` to `max` (2^31 - 1). */
export function integer<const O extends Options<number> & { min: number; max?: number }>(
  options: O,
): Field<Value<number, O>> {
  const { min, max = 2 ** 31 - 1 } = options
  const schema = Type.Integer({ minimum: min, maximum: max, ...describe(options) })
  return {
    kind: 'integer',
    optional: options.optional ?? false,
    fallback: options.default,
    input: schema,
    expects: `must be a whole number from ${min} to ${max}`,
    output: schema,
    normalise: (value) => (value === 0 ? (0 as typeof value) : value), // as with money
    check: () => undefined,
    search: [],
    facet: false,
  }
}

const tooManyDecimals = (places: number, currency: unknown) =>
  places === 0
    ? `must be a whole number: ${currency} has no decimals`
    : `must have no more than ${places} decimals in ${currency}`

/** An amount of the currency that another field names: 0 ≤ amount < 10^12, no more decimals than that currency has (ISO 4217). */
export function money<const O extends Options<number> & { currencyField: string }>(
  options: O,
): Field<Value<number, O>> {
  const schema = Type.Number({ minimum: 0, exclusiveMaximum: 1e12, ...describe(options) })
  return {
    kind: 'money',
    optional: options.optional ?? false,
    fallback: options.default,
    input: schema,
    expects: 'must be a number, 0 or more and below 1000000000000',
    output: schema,
    normalise: (value) => (value === 0 ? (0 as typeof value) : value), // -0 would be printed as 0 and hash as another value
    check: (value, siblings) => {
      const currency = siblings[options.currencyField]
      const places = typeof currency === 'string' ? decimalsOf(currency) : undefined
      if (value === null || places === undefined) return undefined // an unknown currency is a fault of its own field
      if (decimalsIn(value) > places) return { code: 'decimals', detail: tooManyDecimals(places, currency) }
      if (!isExact(value, places))
        return { code: 'digits', detail: `has more digits than a JSON number keeps exactly in ${currency}` }
      return undefined
    },
    search: [],
    facet: false,
  }
}

/** An RFC 3339 date-time, kept in UTC to the millisecond. `default: 'accepted'` is the time of acceptance. */
export function time<const O extends Options<string>>(options: O): Field<Value<string, O>> {
  const schema = Type.String({ format: 'date-time', ...describe(options) })
  return {
    kind: 'time',
    optional: options.optional ?? false,
    fallback: options.default,
    input: schema,
    expects: 'must be a date and time with its offset, as in 2026-01-31T09:30:00Z (RFC 3339)',
    output: schema,
    normalise: (value) => {
      const at = value === null ? Number.NaN : Date.parse(value)
      return Number.isNaN(at) ? value : (new Date(at).toISOString() as typeof value)
    },
    check: (value) =>
      value === null || (/^\d{4}-/.test(value) && !value.startsWith('0000') && !Number.isNaN(Date.parse(value)))
        ? undefined
        : { code: 'time', detail: 'must be in the years 0001 to 9999 of UTC, and no leap second' },
    search: [],
    facet: false,
  }
}
