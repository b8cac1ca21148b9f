import fc, { type Arbitrary } from 'fast-check'
import type { Contract, Operation, Parameter } from './contract.ts'

type Json = Record<string, unknown>

/** A request as it was made up. Ids and tags that only a running API knows are filled in when it is sent: `known`. */
export interface Attempt {
  operation: Operation
  path: Record<string, Part>
  query: [name: string, value: Part][]
  headers: [name: string, value: Part][]
  body: Body | undefined
}
export type Part = string | { known: 'id' | 'etag' | 'cursor' | 'job' | 'bulk' | 'parked'; at: number }
/** Bytes of a body, and the value they were printed from where there was one. */
export interface Body {
  type: string | undefined
  bytes: Uint8Array
  value?: { of: unknown }
}

const print = (value: unknown, type: string): Body => ({
  type,
  bytes: Buffer.from(JSON.stringify(value)),
  value: { of: value },
})

/** Texts that break programs. */
const nasty = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    'a\u0000b',
    '\ud800',
    "'; DROP TABLE orders; --",
    '<script>alert(1)</script>',
    '../../etc/passwd',
    '%00',
    '{{7*7}}',
    'null',
    '-0',
    '1e309',
    'true',
    '__proto__',
    'a'.repeat(501),
    'a'.repeat(10_000),
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 600 }),
)
const oddNumber = fc.constantFrom(0, -0, -1, 0.5, 1e12, 999_999_999_999.99, 2 ** 31, 2 ** 53, 1e-7, 0.29, 19.99, 1e308)
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  nasty,
  oddNumber,
  fc.constantFrom(null, true, [], {}, [[]], { $ne: 1 }),
)

/** Values that a schema allows. Formats and patterns that it does not know become any text. */
export function valuesOf(contract: Contract, schema: Json): Arbitrary<unknown> {
  const {
    type,
    enum: words,
    anyOf,
    properties,
    items,
    required = [],
    examples,
  } = contract.resolve(schema) as {
    type?: string
    enum?: unknown[]
    anyOf?: Json[]
    properties?: Record<string, Json>
    items?: Json
    required?: string[]
    examples?: unknown[]
  }
  const given = examples === undefined ? [] : [fc.constantFrom(...examples)]
  if (words !== undefined) return fc.constantFrom(...words)
  if (anyOf !== undefined) return fc.oneof(...anyOf.map((one) => valuesOf(contract, one)))
  if (type === 'object' && properties !== undefined) {
    const members = Object.entries(properties).map(([name, one]) => [name, valuesOf(contract, one)])
    return fc.record(Object.fromEntries(members) as Record<string, Arbitrary<unknown>>, { requiredKeys: required })
  }
  if (type === 'array') return fc.array(valuesOf(contract, items ?? {}), { minLength: 1, maxLength: 5 })
  if (type === 'null') return fc.constant(null)
  if (type === 'boolean') return fc.boolean()
  if (type === 'integer' || type === 'number') return fc.oneof(...given, numbersOf(contract.resolve(schema)))
  return fc.oneof(...given, textsOf(contract.resolve(schema)))
}

function numbersOf({ type, minimum = -1e9, maximum = 1e9, exclusiveMaximum }: Json): Arbitrary<unknown> {
  const min = Math.ceil(Number(minimum))
  const max = Math.floor(exclusiveMaximum === undefined ? Number(maximum) : Number(exclusiveMaximum) - 1)
  const whole = fc.oneof(
    fc.integer({ min, max: Math.min(max, min + 100) }),
    fc.integer({ min, max: Math.min(max, 2 ** 31 - 1) }),
    fc.constantFrom(min, max),
  )
  if (type === 'integer') return whole
  return fc.oneof(
    whole,
    fc.integer({ min: 0, max: 10_000_000 }).map((cents) => cents / 100),
  )
}

function textsOf({ format, pattern, minLength = 0, maxLength = 60 }: Json): Arbitrary<unknown> {
  if (format === 'uuid') return fc.uuid()
  if (format === 'date-time')
    return fc
      .date({ min: new Date('1970-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
      .map((at) => at.toISOString())
  if (format === 'date')
    return fc
      .date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
      .map((at) => at.toISOString().slice(0, 10))
  if (pattern === '^[A-Z]{3}$') return fc.constantFrom('GBP', 'USD', 'EUR', 'JPY', 'KWD', 'XXX', 'ABC')
  return fc.string({ unit: 'grapheme', minLength: Number(minLength), maxLength: Math.min(Number(maxLength), 60) })
}

/** Bodies that are nearly right: one thing of a valid one is changed. */
const nearly = (valid: Arbitrary<unknown>): Arbitrary<unknown> =>
  fc
    .tuple(valid, fc.nat(), anything, fc.constantFrom('drop', 'replace', 'add', 'deepen'))
    .map(([value, at, odd, how]) => {
      if (value === null || typeof value !== 'object' || Array.isArray(value)) return odd
      const names = Object.keys(value)
      const name = names[at % Math.max(1, names.length)]
      if (how === 'add' || name === undefined)
        return { ...value, [typeof odd === 'string' && odd !== '' ? odd : 'extra']: odd }
      if (how === 'drop') return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name))
      const one = (value as Json)[name]
      if (how === 'deepen' && Array.isArray(one)) return { ...value, [name]: [...one, odd] }
      return { ...value, [name]: odd }
    })

/** Bodies of an operation: valid, nearly so, and hopeless; also where it takes none. */
function bodiesOf(contract: Contract, { bodies, method }: Operation): Arbitrary<Body | undefined> {
  const hopeless = fc.oneof(
    fc.record({
      type: fc.constantFrom('application/json', 'text/plain', 'application/xml', undefined),
      bytes: fc.uint8Array({ maxLength: 60 }),
    }),
    fc
      .constantFrom('{', '[1,', '{"a":1}}', '', ' ', '{"amount":1e999}', '{"amount":12345678901234567890}', '"\\ud800"')
      .map((text) => ({
        type: 'application/json',
        bytes: Buffer.from(text),
      })),
    fc.constant({
      type: 'application/json',
      bytes: Buffer.from(JSON.stringify({ product_name: 'a'.repeat(1_100_000) })),
    }),
    anything.map((value) => print(value, 'application/json')),
  )
  const kinds = Object.entries(bodies).flatMap(([type, { schema, examples = {} }]) => {
    const given = Object.values(examples).map(({ value }) => fc.constant(value))
    const valid = fc.oneof({ weight: 3, arbitrary: valuesOf(contract, schema) }, ...given)
    return [
      { weight: 5, arbitrary: valid.map((value) => print(value, type)) },
      { weight: 4, arbitrary: nearly(valid).map((value) => print(value, type)) },
    ]
  })
  if (kinds.length > 0) return fc.oneof(...kinds, { weight: 2, arbitrary: hopeless })
  if (method === 'GET') return fc.constant(undefined)
  return fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: hopeless })
}

/** Bytes that may stand in a header's value (RFC 9110 section 5.5). */
const headerText = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((code) => code !== 0x7f && (code < 0x80 || code > 0x9f))
    .map((code) => String.fromCharCode(code)),
  maxLength: 300,
})

function headerOf({ name }: Parameter): Arbitrary<Part> {
  if (name === 'Idempotency-Key')
    return fc.oneof(
      fc.nat(40).map((n) => `key-${n}`),
      headerText,
    )
  if (name.startsWith('If-'))
    return fc.oneof(
      fc.nat().map((at): Part => ({ known: 'etag', at })),
      fc.constantFrom('*', '"1-x"', 'W/"1-x"', 'bare', ''),
      headerText,
    )
  return headerText
}

/** What a path parameter names, by what its path says. */
const knownBy = [
  ['jobs', 'job'],
  ['bulk', 'bulk'],
  ['parked', 'parked'],
] as const

function idOf({ path }: Operation): Arbitrary<Part> {
  const known = knownBy.find(([part]) => path.includes(part))?.[1] ?? 'id'
  return fc.oneof(
    { weight: 6, arbitrary: fc.nat().map((at): Part => ({ known, at })) },
    { weight: 1, arbitrary: fc.uuid() },
    { weight: 1, arbitrary: fc.uuid().map((id) => id.toUpperCase()) },
    {
      weight: 1,
      arbitrary: fc
        .oneof(nasty, fc.constantFrom('0', 'undefined', '01936f5e', '{id}'))
        .map((text) => (text === '' ? 'x' : text.slice(0, 2_000))),
    },
  )
}

function queryOf(contract: Contract, { name, schema, required }: Parameter): Arbitrary<[string, Part][]> {
  const valid = valuesOf(contract, schema).map((value): [string, Part][] => [[name, String(value)]])
  const known = { cursor: 'cursor', before: schema['type'] === 'integer' ? 'parked' : 'job' }[name] as
    | 'cursor'
    | 'job'
    | 'parked'
    | undefined
  const odd = fc.oneof(nasty, oddNumber.map(String), fc.constantFrom('1', '100', '101', '0', '30001', 'NaN'))
  return fc.oneof(
    // Calls with many parameters are to be right now and then.
    { weight: required ? 1 : 24, arbitrary: fc.constant<[string, Part][]>([]) },
    { weight: 8, arbitrary: valid },
    ...(known === undefined
      ? []
      : [{ weight: 8, arbitrary: fc.nat().map((at): [string, Part][] => [[name, { known, at }]]) }]),
    { weight: 1, arbitrary: odd.map((text): [string, Part][] => [[name, text]]) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(valid, odd)
        .map(([[one], text]): [string, Part][] => [...(one === undefined ? [] : [one]), [name, text]]),
    },
    {
      weight: 1,
      arbitrary: odd.map((text): [string, Part][] => [[text === '' ? 'extra' : text.slice(0, 300), text]]),
    },
  )
}

/** Requests of one call: valid, nearly so, and hopeless. */
export function attemptsOf(contract: Contract, operation: Operation): Arbitrary<Attempt> {
  const of = (where: Parameter['in']) => operation.parameters.filter((parameter) => parameter.in === where)
  const ids = Object.fromEntries(
    of('path').map(({ name, schema }) => {
      const words = schema['enum'] as string[] | undefined
      const id = idOf(operation)
      return [name, words === undefined ? id : fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...words) }, id)]
    }),
  )
  const queries = of('query').map((parameter) => queryOf(contract, parameter))
  const headers = of('header').map((parameter) =>
    fc.option(
      headerOf(parameter).map((value): [string, Part] => [parameter.name, value]),
      { freq: 3, nil: undefined },
    ),
  )
  return fc.record({
    operation: fc.constant(operation),
    path: fc.record(ids),
    query: fc.tuple(...queries).map((all) => all.flat()),
    headers: fc.tuple(...headers).map((all) => all.filter((one) => one !== undefined)),
    body: bodiesOf(contract, operation),
  })
}
