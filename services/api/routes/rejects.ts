import type { Jobs, RejectsView } from '@ordermill/database'
import { NotFound } from '@ordermill/model'
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { bodyReader } from '../body.ts'
import { answer, type IdParameter, idParameter, named, responses } from '../schemas.ts'
import { jobResponses, runJob } from './jobs.ts'

export interface RejectParts {
  rejects: RejectsView
  jobs: Jobs
}

const id = '01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e9f'
const reject = named(
  'SearchReject',
  Type.Object({
    n: Type.Integer({ minimum: 1 }),
    id: Type.String({ format: 'uuid' }),
    version: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
    change_seq: Type.Integer({ minimum: 1 }),
    index: Type.String({ description: 'The index that did not take it.' }),
    reason: Type.String({ description: 'What the engine says.' }),
    attempts: Type.Integer({ minimum: 1 }),
    rejected_at: Type.String({ format: 'date-time' }),
  }),
)
const example = {
  n: 3,
  id,
  version: 2,
  change_seq: 8123,
  index: 'orders-1f0c2a9b',
  reason: 'document_parsing_exception: failed to parse field',
  attempts: 1,
  rejected_at: '2026-01-31T09:30:00.125Z',
}
const page = named(
  'SearchRejectPage',
  Type.Object({
    count: Type.Integer({ minimum: 0, description: 'How many there are in all.' }),
    rejects: Type.Array(reject, { description: 'Newest first; the last n is `before` of the next page.' }),
  }),
  { examples: [{ count: 1, rejects: [example] }] },
)
const query = Type.Object({
  id: Type.Optional(Type.String({ format: 'uuid', description: 'Those of this record.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 25 })),
  before: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 999_999_999_999_999, description: 'The last n of the page before.' }),
  ),
})
const nothing = named('SearchRejectRetry', Type.Object({}, { additionalProperties: false }), { examples: [{}] })
const retried = named(
  'SearchRejectsRetried',
  Type.Object({
    retried: Type.Integer({ minimum: 0, description: 'Records that were given a new change number.' }),
    gone: Type.Integer({ minimum: 0, description: 'Records that are there no more: forgotten.' }),
  }),
  { examples: [{ retried: 1, gone: 0 }] },
)

const tags = ['admin']
const security = [{ admin: [] }]
const path = '/api/admin/search/rejects'

/** Documents that the search engine did not take: seen, and tried again. */
export function rejectRoutes(app: FastifyInstance, { rejects, jobs }: RejectParts): void {
  const listSchema = {
    operationId: 'listSearchRejects',
    summary: 'List documents that the search engine did not take, newest first',
    tags,
    security,
    querystring: query,
    response: responses({ 200: answer('One page', page) }, 401, 422, 503),
  }
  app.get<{ Querystring: Static<typeof query> }>(path, { schema: listSchema }, async (request) => {
    const { limit = 25, before, id: of } = request.query
    const [count, list] = await Promise.all([rejects.count(), rejects.list({ limit, before, id: of })])
    return { count, rejects: list }
  })

  const retrying = {
    description:
      'The records get a new change number, so that they are followed again; versions stay as they are. What is taken leaves the list.',
    tags,
    security,
    body: nothing,
    response: jobResponses('They are followed again', retried, ...[400, 401, 404, 409, 413, 415, 422, 503]),
  }
  const read = bodyReader(nothing)
  const oneSchema = {
    ...retrying,
    operationId: 'retrySearchReject',
    summary: 'Try the document of one record again',
    params: idParameter({ title: 'record' }),
  }
  app.post<{ Params: IdParameter }>(`${path}/:id/retry`, { schema: oneSchema }, async (request, reply) => {
    read(request.body)
    const one = request.params.id
    if ((await rejects.list({ limit: 1, id: one })).length === 0) throw new NotFound(`A reject of ${one}`)
    return await runJob(reply, jobs, 'reject-retry', { id: one, up_to: await rejects.last() })
  })

  const { 404: _, ...ofAll } = retrying.response
  const allSchema = {
    ...retrying,
    operationId: 'retrySearchRejects',
    summary: 'Try all documents again that the search engine did not take',
    response: ofAll,
  }
  app.post(`${path}/retry`, { schema: allSchema }, async (request, reply) => {
    read(request.body)
    return await runJob(reply, jobs, 'reject-retry', { up_to: await rejects.last() })
  })
}
