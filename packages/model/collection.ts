import Type, { type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Field } from './fields.ts'
import type { Steps } from './steps.ts'
import './times.ts'

export type Fields = Record<string, Field>

/** The fields of a record as they are stored: an optional one that is absent is null. */
export type Content<F extends Fields> = { [K in keyof F]: F[K] extends Field<infer T> ? T : never }

/** A record of any collection as its JSON says it. */
export interface StoredRecord {
  id: string
  version: number
  status: string
  created_at: string
  updated_at: string
  /** Only on a tombstone. */
  deleted_at?: string
  [field: string]: string | number | null | undefined
}

/** A record of this collection. */
export type RecordOf<C> = C extends Collection<infer F> ? StoredRecord & Content<F> : never

interface Checker {
  Check(value: unknown): boolean
  Errors(value: unknown): { instancePath: string; keyword: string; message: string; params: object }[]
}
interface Shape {
  schema: TSchema
  checker: Checker
}
/** One member of an input: whether it must be there, and what it is, as a check and in words. */
interface Member {
  schema: TSchema
  required: boolean
  expects: string
}
/** What a client may send. Members are checked one by one, so that every fault is found and told in our own words. */
export interface InputShape extends Shape {
  members: Record<string, Member & { checker: Checker }>
}

/** A declared kind of record. Every package works on any of them. */
export interface Collection<F extends Fields = Fields> {
  /** Names the table, the index alias, the keys and the route. */
  name: string
  /** One of them, in words: `order`. */
  title: string
  /** Names the message type and its version. A change that old workers cannot read makes a new one. */
  type: string
  fields: F
  fieldNames: string[]
  status: Steps
  /** What POST takes, what PATCH takes, and the record itself. */
  create: InputShape
  patch: InputShape
  record: Shape
  /** A record as it may still be in a queue or cache: made before a field was added that is optional or has a default. */
  stored: Shape
}

const closed = { additionalProperties: false }
const nullable = (schema: TSchema): TSchema => Type.Union([schema, Type.Null()])
const shape = (schema: TSchema): Shape => ({ schema, checker: Compile(schema) as unknown as Checker })

function inputShape(members: [string, Member][]): InputShape {
  const properties = members.map(([name, { schema, required }]) => [name, required ? schema : Type.Optional(schema)])
  return {
    ...shape(Type.Object(Object.fromEntries(properties), closed)),
    members: Object.fromEntries(members.map(([name, member]) => [name, { ...member, ...shape(member.schema) }])),
  }
}

/** How a field comes in: null where it may be absent. */
const member = (f: Field, required: boolean): Member => ({
  schema: f.optional ? nullable(f.input) : f.input,
  required,
  expects: f.optional ? `${f.expects}, or null` : f.expects,
})

/** What every record or row has besides its fields. */
const taken = 'id version status hash parent keys created_at updated_at deleted_at change_seq'.split(' ')

/**
 * Declares a collection. `name` must be a plain lower-case word: it becomes a table, an index and a key prefix.
 * So must the names of fields: each becomes a column.
 * @throws Error if a name is not one, or stands for something else already.
 */
export function collection<F extends Fields>(
  name: string,
  { title, type, fields, status }: { title: string; type: string; fields: F; status: Steps },
): Collection<F> {
  if (!/^[a-z][a-z0-9_]{0,30}$/.test(name)) throw new Error(`'${name}' cannot name a collection: use a-z, 0-9 and _`)
  const all: [string, Field][] = Object.entries(fields)
  for (const [field] of all)
    if (!/^[a-z][a-z0-9_]{0,50}$/.test(field) || taken.includes(field) || field in Object.prototype)
      throw new Error(`'${field}' cannot name a field of ${name}: use a-z, 0-9 and _, and none of ${taken.join(', ')}`)
  const stored = Object.fromEntries(all.map(([key, f]) => [key, f.optional ? nullable(f.output) : f.output]))
  const older = Object.fromEntries(
    all.map(([key, f]) => [
      key,
      f.optional || f.fallback !== undefined ? Type.Optional(stored[key] as TSchema) : f.output,
    ]),
  )
  const statuses = Type.Enum(status.all, { description: `The status of the ${title}.` })
  const at = Type.String({ format: 'date-time' })
  const recordOf = (members: Record<string, TSchema>) => ({
    id: Type.String({ format: 'uuid' }),
    version: Type.Integer({ minimum: 1 }),
    status: statuses,
    ...members,
    created_at: at,
    updated_at: at,
    deleted_at: Type.Optional(at),
  })
  return {
    name,
    title,
    type,
    fields,
    fieldNames: all.map(([key]) => key),
    status,
    create: inputShape(all.map(([key, f]) => [key, member(f, !f.optional && f.fallback === undefined)])),
    patch: inputShape([
      ...all.map(([key, f]): [string, Member] => [key, member(f, false)]),
      ['status', { schema: statuses, required: false, expects: `must be one of ${status.all.join(', ')}` }],
    ]),
    record: shape(Type.Object(recordOf(stored), closed)),
    stored: shape(Type.Object(recordOf(older), closed)),
  }
}
