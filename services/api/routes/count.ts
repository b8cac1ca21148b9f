import type { Collection } from '@ordermill/model'
import { readCount } from '@ordermill/search'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { sayWho } from '../hits.ts'
import { whereSchema } from '../query-schema.ts'
import { answer, lagSchema, named, nameOf, responses } from '../schemas.ts'
import type { Search } from '../searching.ts'

const counted = named(
  'Count',
  Type.Object({
    count: Type.Integer({ minimum: 0, description: 'Exact, however many there are.' }),
    engine: Type.String({ description: 'Who answered, as in X-Search-Engine.' }),
    lag: Type.Optional(lagSchema),
  }),
  { examples: [{ count: 12_345, engine: 'elasticsearch', lag: { changes: 0, seconds: 0 } }] },
)

/** How many records of a collection there are of some kind. */
export function countRoutes(app: FastifyInstance, { collection, search }: { collection: Collection; search: Search }) {
  const { name, status } = collection
  const body = Type.Object({ where: Type.Optional(whereSchema(collection)) }, { additionalProperties: false })
  const examples = [{ where: { keyword_match: { must: { status: status.first } } } }, {}]
  const schema = {
    operationId: `count${nameOf({ title: name })}`,
    summary: `Count ${name} by texts, values and ranges`,
    tags: ['search'],
    body: named(nameOf(collection, 'CountQuery'), body, { examples }),
    response: responses({ 200: answer('How many', counted, 'X-Search-Engine', 'X-Search-Lag-Seconds') }, ...[422, 503]),
  }
  app.post(`/api/${name}/count`, { schema }, async (request, reply) => {
    const answered = await search(readCount(collection, request.body), request.id)
    const { total, engine, lag } = answered
    return sayWho(reply, answered).send({ count: total.value, engine, lag })
  })
}
