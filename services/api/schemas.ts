import type { Collection } from '@ordermill/model'
import Type, { type Static, type TSchema } from 'typebox'

/** A problem document (RFC 9457). */
export const problem = Type.Object(
  {
    type: Type.String({ examples: ['urn:ordermill:problem:invalid'] }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String({ description: 'Stable: decide by this.' }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({ description: 'RFC 6901 pointer into the input.' }),
          code: Type.String(),
          detail: Type.String(),
        }),
      ),
    ),
    correlation_id: Type.String(),
  },
  { title: 'Problem', description: 'RFC 9457' },
)

const meanings: Record<number, string> = {
  400: 'Malformed',
  401: 'The admin token is missing or wrong',
  404: 'There is none',
  409: 'Not now, or not from here',
  412: 'If-Match names another version',
  413: 'The body is too large',
  415: 'The body is not JSON',
  422: 'Rules are broken; `errors` has every one',
  500: 'Something went wrong here',
  503: 'A part is away or full; try again after Retry-After',
}

/** Responses of a route: those it names, and problem documents for these statuses. */
export function responses(named: Record<number, unknown>, ...problems: number[]): Record<number, unknown> {
  const documents = [...problems, 500].map((status) => [
    status,
    { description: meanings[status], content: { 'application/problem+json': { schema: problem } } },
  ])
  return { ...named, ...Object.fromEntries(documents) }
}

/** A response whose text is sent as it is: described, never serialized again. */
export const asText = (description: string, schema: TSchema, headers: Record<string, TSchema> = {}) => ({
  description,
  ...(Object.keys(headers).length === 0 ? {} : { headers }),
  content: { 'application/json': { schema } },
})

/** The path parameter of one record. */
export const idParameter = ({ title }: { title: string }) =>
  Type.Object({ id: Type.String({ format: 'uuid', description: `The id of the ${title}.` }) })
export interface IdParameter {
  id: string
}

/** What is answered to a write. */
export const receipt = ({ title }: Collection, description: string) =>
  Type.Object(
    {
      status: Type.Enum(['processing', 'persisted', 'parked', 'unchanged'], {
        description:
          'processing: accepted; persisted: in the database; parked: set aside, an operator decides; unchanged: there was nothing to change.',
      }),
      [`${title}_id`]: Type.String({ format: 'uuid' }),
      version: Type.Integer({ minimum: 1 }),
    },
    { description },
  )

/** Query parameters of every write. */
export const waitQuery = Type.Object({
  wait: Type.Optional(Type.Enum(['persisted'], { description: 'Answer when the write is in the database.' })),
  wait_ms: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 30_000, default: 5_000, description: 'How long to wait.' }),
  ),
})
export type WaitQuery = Static<typeof waitQuery>

const key = Type.Optional(
  Type.String({
    description: 'Up to 255 characters. The same key and request are accepted once, however often they are sent.',
  }),
)
export const writeHeaders = Type.Object({ 'idempotency-key': key })
export const changeHeaders = Type.Object({
  'idempotency-key': key,
  'if-match': Type.Optional(
    Type.String({ description: 'The ETag that the change is based on; another version stands: 412.' }),
  ),
})
