import { collections, orders } from '@ordermill/model'
import Type, { type TSchema } from 'typebox'

/** Schemas that several routes share. */
export const problem = Type.Object(
  {
    type: Type.String(),
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
  413: 'The body is too large',
  415: 'The body is not JSON',
  422: 'Rules are broken; `errors` has every one',
  500: 'Something went wrong here',
  503: 'A part is away or full; try again after Retry-After',
}

/** Responses of a route: those it names, and problem documents for these statuses. */
export function responses(named: Record<number, TSchema>, ...problems: number[]): Record<number, unknown> {
  const documents = [...problems, 500].map((status) => [
    status,
    { description: meanings[status], content: { 'application/problem+json': { schema: problem } } },
  ])
  return { ...named, ...Object.fromEntries(documents) }
}

/** Responses whose text is sent as it is: described, never serialized again. */
export const asText = (description: string, schema: TSchema, headers: Record<string, TSchema> = {}) =>
  ({ description, headers, content: { 'application/json': { schema } } }) as unknown as TSchema

export const idParameter = Type.Object({
  id: Type.String({ format: 'uuid', description: `The id of the ${orders.title}.` }),
})
export const receipt = Type.Object(
  {
    status: Type.Literal('processing'),
    order_id: Type.String({ format: 'uuid' }),
    version: Type.Integer({ minimum: 1 }),
  },
  { description: 'Accepted' },
)
export { collections }
