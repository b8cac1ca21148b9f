import type { Collection } from '@ordermill/model'
import { readQuery } from '@ordermill/search'
import type { FastifyInstance } from 'fastify'
import { hitsText, sendFound } from '../hits.ts'
import { queryResultSchema, querySchema } from '../query-schema.ts'
import type { Reader } from '../reader.ts'
import { answer, nameOf, responses } from '../schemas.ts'
import type { Walk } from '../walking.ts'
import { sentId } from './caller.ts'

interface QueryParts {
  collection: Collection
  walk: Walk
  reader: Reader
}

/** Queries in VQL over a collection. */
export function queryRoutes(app: FastifyInstance, { collection, walk, reader }: QueryParts): void {
  const schema = {
    operationId: `query${nameOf({ title: collection.name })}`,
    summary: `Find ${collection.name} by texts, values and ranges`,
    description:
      'The same query gives the same answer from the search engine and, while that is away, from the database: X-Search-Engine says who it was.',
    tags: ['search'],
    body: querySchema(collection),
    response: responses(
      { 200: answer('One page', queryResultSchema(collection), 'X-Search-Engine', 'X-Search-Lag-Seconds') },
      ...[422, 503],
    ),
  }
  app.post(`/api/${collection.name}/query`, { schema }, async (request, reply) => {
    const asked = readQuery(collection, request.body)
    const { query, columns, highlight } = asked
    const answered = await walk(asked, request.id)
    const shown = { columns, sorted: true, highlight: highlight ? query.where : undefined }
    const hits = await hitsText(collection, reader, answered, sentId(request), shown)
    return sendFound(reply, answered, hits, answered.total, query.facets)
  })
}
