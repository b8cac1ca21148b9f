import type { Collection } from '@ordermill/model'
import Type, { type Static, type TSchema } from 'typebox'
import { exampleInput, exampleOf } from './examples.ts'

/** A schema under a name: the document has it once, under components, and clients are generated with it as a type. */
export const named = <T extends TSchema>(title: string, schema: T, rest: Record<string, unknown> = {}): T => ({
  ...schema,
  ...rest,
  title,
})

/** The name of a collection's schema: `Order`, `OrderInput`. */
export const nameOf = ({ title }: Pick<Collection, 'title'>, part = '') =>
  `${title.charAt(0).toUpperCase()}${title.slice(1).replaceAll(/[^a-z0-9]+(.)/g, (_, letter) => String(letter).toUpperCase())}${part}`

/** A problem document (RFC 9457). */
export const problem = named(
  'Problem',
  Type.Object({
    type: Type.String({ format: 'uri', description: 'A URN made of the code.' }),
    title: Type.String({ description: 'The status in words.' }),
    status: Type.Integer({ minimum: 400, maximum: 599, description: 'The status of the answer.' }),
    detail: Type.String({ description: 'What is wrong, for people.' }),
    code: Type.String({ description: 'Stable: decide by this.' }),
    errors: Type.Optional(
      Type.Array(
        named(
          'Fault',
          Type.Object({
            pointer: Type.Optional(Type.String({ description: 'Where in the body: an RFC 6901 pointer.' })),
            parameter: Type.Optional(Type.String({ description: 'Or which parameter of path, query or header.' })),
            code: Type.String({ description: 'Which rule is broken. Stable.' }),
            detail: Type.String({ description: 'What the rule asks for.' }),
          }),
        ),
        { description: 'Every fault that was found.' },
      ),
    ),
    correlation_id: Type.String({ description: 'As in X-Correlation-Id: quote it when you ask for help.' }),
  }),
  { description: 'RFC 9457' },
)

/** What the statuses of problem documents mean. */
export const meanings: Record<number, string> = {
  400: 'Malformed',
  401: 'The admin token is missing or wrong',
  404: 'There is none',
  408: 'The request did not arrive in time',
  409: 'Not now, or not from here',
  412: 'If-Match names another version',
  413: 'The body is too large',
  415: 'The body is not JSON',
  422: 'Rules are broken; `errors` has every one',
  429: 'Too many requests; try again after Retry-After',
  431: 'Line and headers are too large',
  500: 'Something went wrong here',
  503: 'A part is away or full; try again after Retry-After',
}

/** Responses of a route: those it names, and problem documents for these statuses. */
export function responses(specific: Record<number, unknown>, ...problems: number[]): Record<number, unknown> {
  const documents = [...problems, 500].map((status) => [
    status,
    { description: meanings[status], content: { 'application/problem+json': { schema: problem } } },
  ])
  return { ...specific, ...Object.fromEntries(documents) }
}

/** A response in JSON, and which of the headers that the document knows it carries. */
export const answer = (description: string, schema: TSchema, ...headers: string[]) => ({
  description,
  headers: Object.fromEntries(headers.map((header) => [header, {}])),
  content: { 'application/json': { schema } },
})

/** How far whoever answered a search is behind. */
export const lagSchema = named(
  'Lag',
  Type.Object({
    changes: Type.Integer({ minimum: 0, description: 'Changes that search does not know yet, at most.' }),
    seconds: Type.Number({ minimum: 0, description: 'Age of the oldest of them.' }),
  }),
)

/** The path parameter of one record. */
export const idParameter = ({ title }: { title: string }) =>
  Type.Object({
    id: Type.String({
      format: 'uuid',
      description: `The id of the ${title}.`,
      examples: ['01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e9f'],
    }),
  })
export interface IdParameter {
  id: string
}

/** A record as it is read: a tombstone never is. */
export function recordSchema(c: Collection): TSchema {
  const { deleted_at: _, ...properties } = (c.record.schema as TSchema & { properties: Record<string, TSchema> })
    .properties
  return named(nameOf(c), Type.Object(properties, { additionalProperties: false }), { examples: [exampleOf(c)] })
}

/** What POST takes. */
export const inputSchema = (c: Collection): TSchema =>
  named(nameOf(c, 'Input'), c.create.schema, { examples: [exampleInput(c)] })

/** What PATCH takes: no defaults, since what is not named stays. */
export function patchSchema(c: Collection): TSchema {
  const { properties } = c.patch.schema as TSchema & { properties: Record<string, TSchema & { default?: unknown }> }
  const bare = Object.entries(properties).map(([name, { default: _, ...schema }]) => [name, schema])
  const [status] = c.status.after(c.status.first)
  return named(nameOf(c, 'Patch'), c.patch.schema, {
    properties: Object.fromEntries(bare),
    examples: [{ status }],
  })
}

/** What is answered to a write. */
export const receipt = (c: Collection) =>
  named(
    nameOf(c, 'Receipt'),
    Type.Object({
      status: Type.Enum(['processing', 'persisted', 'indexed', 'parked', 'unchanged'], {
        description:
          'processing: accepted; persisted: in the database; indexed: searches find it; parked: set aside, an operator decides; unchanged: there was nothing to change.',
      }),
      [`${c.title}_id`]: Type.String({ format: 'uuid' }),
      version: Type.Integer({ minimum: 1 }),
    }),
    { examples: [{ status: 'processing', [`${c.title}_id`]: exampleOf(c).id, version: 1 }] },
  )

/** Query parameters of every write. */
export const waitQuery = Type.Object({
  wait: Type.Optional(
    Type.Enum(['persisted', 'indexed'], {
      description: 'Answer when the write is in the database; when searches find it.',
    }),
  ),
  wait_ms: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 30_000, default: 5_000, description: 'How long to wait.' }),
  ),
})
export type WaitQuery = Static<typeof waitQuery>

/** Headers are described once for all calls, in the document; rules that these lack are checked where a header is used. */
export const writeHeaders = Type.Object({ 'idempotency-key': Type.Optional(Type.String()) })
export const changeHeaders = Type.Object({
  'idempotency-key': Type.Optional(Type.String()),
  'if-match': Type.Optional(Type.String()),
})
export const readHeaders = Type.Object({ 'if-none-match': Type.Optional(Type.String()) })
