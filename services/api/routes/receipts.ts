import { type Collection, isId, NotFound } from '@ordermill/model'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { parkedState } from '../parked-schemas.ts'
import type { Receipt } from '../receipts.ts'
import { answer, type IdParameter, idParameter, named, nameOf, responses } from '../schemas.ts'

interface ReceiptParts {
  collection: Collection
  receipts(id: string): Promise<Receipt>
}

const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const version = Type.Integer({ minimum: 1 })
const time = Type.String({ format: 'date-time' })
const heldMembers = {
  state: Type.Enum(['ok', 'none', 'away', 'off'], {
    description: 'ok: it has the record; none: it answers, and has not; away: it does not answer; off: there is none.',
  }),
  version: orNull(version),
  deleted: orNull(Type.Boolean()),
}
const held = named('Held', Type.Object(heldMembers), { description: 'What a store holds of a record.' })
const ok = { state: 'ok' as const, version: 2, deleted: false }
const example: Receipt = {
  version: 3,
  status: 'parked',
  cache: { ...ok, version: 3 },
  postgres: ok,
  index: { ...ok, current: true },
  dirty: [{ version: 3, mark: 'parked', since: '2026-01-31T09:30:00.125Z' }],
  parked: [
    {
      version: 3,
      state: 'PARKED',
      code: 'conflict',
      reason: 'version 3 was built on nothing, and another version stands',
      parked_at: '2026-01-31T09:30:00.250Z',
    },
  ],
}

/** Where each version of a record is. */
export function receiptRoutes(app: FastifyInstance, { collection, receipts }: ReceiptParts): void {
  const { name, title } = collection
  const schema = {
    operationId: `get${nameOf(collection)}Status`,
    summary: `Where each version of an ${title} is`,
    description:
      'What each store holds, what is not in the database yet, and what was set aside. A store that is away is said to be.',
    tags: [name],
    params: idParameter(collection),
    response: responses(
      {
        200: answer(
          'The receipt',
          named(
            nameOf(collection, 'Status'),
            Type.Object({
              [`${title}_id`]: Type.String({ format: 'uuid' }),
              version: Type.Integer({ minimum: 1, description: 'The newest that any store knows.' }),
              status: Type.Enum(['processing', 'persisted', 'indexed', 'parked'], {
                description: 'What is known to have become of that version.',
              }),
              cache: held,
              postgres: held,
              index: Type.Object({
                ...heldMembers,
                current: orNull(Type.Boolean({ description: 'Whether what the database holds can be found.' })),
              }),
              dirty: orNull(
                Type.Array(Type.Object({ version, mark: Type.Enum(['unsent', 'sent', 'parked']), since: time }), {
                  description: 'Accepted, and not known to be in the database. null: the cache is away.',
                }),
              ),
              parked: orNull(
                Type.Array(
                  Type.Object({
                    version: orNull(version),
                    state: parkedState,
                    code: Type.String(),
                    reason: Type.String(),
                    parked_at: time,
                  }),
                  { description: 'Newest first, at most 20. null: the database is away.' },
                ),
              ),
            }),
            { examples: [{ [`${title}_id`]: '01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e9f', ...example }] },
          ),
        ),
      },
      ...[404, 422, 503],
    ),
  }
  app.get<{ Params: IdParameter }>(`/api/${name}/:id/status`, { schema }, async (request, reply) => {
    const { id } = request.params
    if (!isId(id)) throw new NotFound(`The ${title} ${id}`)
    return reply.header('cache-control', 'no-store').send({ [`${title}_id`]: id, ...(await receipts(id)) })
  })
}
