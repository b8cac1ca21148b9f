import { oneOf } from '@ordermill/model'
import type { FastifyInstance } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { InvalidParameters, type ParameterFault } from '../parameters.ts'

/** What of a parameter's schema its value is checked by, and its faults are told from. */
type Rules = TSchema & {
  type?: string
  enum?: string[]
  format?: string
  pattern?: string
  minimum?: number
  maximum?: number
  anyOf?: Rules[]
  minLength?: number
  maxLength?: number
}
type ObjectSchema = TSchema & { properties?: Record<string, Rules>; required?: string[] }

/** So many parameters are looked at for unknown ones: a hopeless query needs no fault for each. */
const unknownMax = 100

/** Formats in words. */
const formats: Record<string, string> = {
  uuid: 'must be a UUID',
  date: 'must be a day, as in 2026-01-31',
  'date-time': 'must be a date and time with its offset, as in 2026-01-31T09:30:00Z (RFC 3339)',
}

/**
 * Validates paths, queries and headers by their schemas, every fault at once, in plain words. Digits become a number where
 * one is asked for; nothing else is made into something else. Queries may have no parameter that is not declared.
 * Bodies are validated where they are read, by the collection: its schema alone cannot say every rule.
 */
export function validationPlugin(app: FastifyInstance): void {
  app.setValidatorCompiler<TSchema>(({ schema, httpPart }) =>
    httpPart === 'body' ? () => true : validator(schema, httpPart === 'querystring'),
  )
  app.setSchemaErrorFormatter((errors) => errors as unknown as Error) // they are one already
}

function validator(schema: ObjectSchema, closed: boolean) {
  const { properties = {}, required = [] } = schema
  const members = Object.entries(properties).map(([name, rules]) => ({
    name,
    read: rules.type === 'integer' ? wholeOf : rules.type === 'number' ? numberOf : asSent,
    isRequired: required.includes(name),
    checker: Compile(rules),
    told: (value: unknown) => (rules.enum === undefined ? inWords(rules) : oneOf(rules.enum, value)),
  }))
  const names = new Set(Object.keys(properties))
  return (data: unknown): { value: unknown } | { error: Error } => {
    const sent = data as Record<string, unknown>
    const faults: ParameterFault[] = []
    for (const { name, read, isRequired, checker, told } of members) {
      const given = sent[name]
      if (given === undefined) {
        if (isRequired) faults.push({ parameter: name, code: 'required', detail: 'is required' })
        continue
      }
      const value = read(given)
      if (checker.Check(value)) sent[name] = value
      else faults.push({ parameter: name, code: checker.Errors(value)[0]?.keyword ?? 'type', detail: told(value) })
    }
    if (closed)
      for (const name of Object.keys(sent).slice(0, unknownMax))
        if (!names.has(name)) faults.push({ parameter: name, code: 'unknown', detail: unknown(names) })
    return faults.length === 0 ? { value: sent } : { error: new InvalidParameters(faults) }
  }
}

const wholeOf = (given: unknown): unknown =>
  typeof given === 'string' && /^-?\d{1,15}$/.test(given) ? Number(given) : given

const numberOf = (given: unknown): unknown =>
  typeof given === 'string' && /^-?\d{1,15}(\.\d{1,15})?$/.test(given) ? Number(given) : given
const asSent = (given: unknown): unknown => given

const unknown = (names: Set<string>) => `is unknown here: there are ${[...names].join(', ')}`

function inWords({ anyOf, type, format, pattern, minimum, maximum, minLength = 0, maxLength }: Rules): string {
  if (anyOf !== undefined) return 'must be a day or a time with its offset, as in 2026-01-31T09:30:00Z'
  if (type === 'integer') return `must be a whole number from ${minimum} to ${maximum}`
  if (type === 'number') return `must be a number from ${minimum} to ${maximum}`
  if (format !== undefined) return formats[format] ?? `must be a ${format}`
  if (pattern !== undefined) return `must match ${pattern}`
  return `must be text of ${minLength} to ${maxLength ?? 'any number of'} characters`
}
