import type { Jobs } from '@ordermill/database'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { bodyReader } from '../body.ts'
import { named } from '../schemas.ts'
import { jobResponses, runJob } from './jobs.ts'

const count = (description: string) => Type.Integer({ minimum: 0, description })
const kinds = (what: string) =>
  Type.Object(
    {
      missing: count('Rows without a document.'),
      different: count('Rows with a document that says something else, or is of another change.'),
      extra: count('Documents without a row.'),
    },
    { description: what },
  )
const input = named(
  'AuditInput',
  Type.Object(
    {
      repair: Type.Optional(Type.Boolean({ default: true, description: 'false: nothing is repaired, only counted.' })),
    },
    { additionalProperties: false },
  ),
  { examples: [{}, { repair: false }] },
)
const audited = named(
  'Audit',
  Type.Object({
    rows: count('Compared, tombstones included.'),
    documents: count('Compared.'),
    ranges: count('Of ids.'),
    found: kinds('What differs, and still does once the follower has passed it.'),
    repaired: kinds('What of it does not differ any more.'),
    left: count('Found, and not repaired.'),
    cache: Type.Object({
      checked: count('Clean copies.'),
      different: count('Those that differ from the row of the same or a later version.'),
      removed: count('Those of them that were taken away.'),
    }),
  }),
  {
    examples: [
      {
        rows: 20000,
        documents: 19999,
        ranges: 21,
        found: { missing: 1, different: 0, extra: 0 },
        repaired: { missing: 1, different: 0, extra: 0 },
        left: 0,
        cache: { checked: 1200, different: 0, removed: 0 },
      },
    ],
  },
)

/** The search index and the cache, held against the database. */
export function auditRoutes(app: FastifyInstance, { jobs }: { jobs: Jobs }): void {
  const read = bodyReader(input)
  const schema = {
    operationId: 'audit',
    summary: 'Hold search index and cache against the database',
    description:
      'Rows whose document is missing or differs are indexed again, documents without a row are deleted, cached copies that differ are taken away.',
    tags: ['admin'],
    security: [{ admin: [] }],
    body: input,
    response: jobResponses('Done', audited, ...[400, 401, 409, 413, 415, 422, 503]),
  }
  app.post('/api/admin/audit', { schema }, async (request, reply) => {
    const { repair = true } = read(request.body)
    return await runJob(reply, jobs, 'audit', { repair })
  })
}
