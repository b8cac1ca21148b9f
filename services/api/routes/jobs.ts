import type { Job, Jobs } from '@ordermill/database'
import { Forbidden, NotFound, newId, Refused, Unavailable } from '@ordermill/model'
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { type IdParameter, idParameter, responses } from '../schemas.ts'

const anything = Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()])
const job = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    kind: Type.String(),
    arguments: anything,
    state: Type.String({ description: 'OPEN, IN_QUEUE, PROCESSING, COMPLETED, FAILED, RETRY_IN_QUEUED or CANCELLED' }),
    progress: anything,
    result: anything,
    error: Type.Union([Type.String(), Type.Null()]),
    attempts: Type.Integer(),
    cancel_requested: Type.Boolean(),
    created_at: Type.String({ format: 'date-time' }),
    updated_at: Type.String({ format: 'date-time' }),
  },
  { title: 'Job', description: 'What an operator asked for' },
)
const page = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 25 })),
  before: Type.Optional(Type.String({ format: 'uuid', description: 'The last id of the page before.' })),
})
const refreshed = Type.Object(
  {
    view: Type.String(),
    outcome: Type.String(),
    as_of: Type.String({ format: 'date-time', description: 'Everything persisted by then is in the view.' }),
    duration_ms: Type.Number(),
  },
  { description: 'Refreshed' },
)

/** How long a call waits for a short job, and how often it looks. */
const patience_ms = 20_000
const look_ms = 50

/** What operators ask for: as jobs of the worker. */
export function jobRoutes(app: FastifyInstance, { jobs }: { jobs: Jobs }): void {
  const tags = ['admin']
  const refreshSchema = {
    summary: 'Refresh the materialized views now',
    tags,
    response: responses({ 200: refreshed, 202: job }, 401, 409, 503),
  }
  app.post('/api/admin/refresh', { schema: refreshSchema }, async (_request, reply) => {
    const opened = await jobs.open(newId(), 'refresh', {})
    if (opened === undefined) throw new Forbidden('busy', 'A refresh is running.')
    reply.header('location', `/api/admin/jobs/${opened.id}`)
    const ended = await end(jobs, opened)
    if (ended.state === 'COMPLETED' && ended.result?.['outcome'] === 'busy')
      throw new Forbidden('busy', 'A refresh is running.')
    if (ended.state === 'COMPLETED') return reply.send(ended.result)
    if (ended.state === 'FAILED') throw new Unavailable('refresh-failed', 'The refresh failed; the job says why.')
    return reply.code(202).send(ended)
  })

  const listSchema = {
    summary: 'List jobs, newest first',
    tags,
    querystring: page,
    response: responses({ 200: Type.Object({ jobs: Type.Array(job) }, { description: 'One page' }) }, 401, 422, 503),
  }
  app.get<{ Querystring: Static<typeof page> }>('/api/admin/jobs', { schema: listSchema }, async (request) => {
    const { limit = 25, before } = request.query
    return { jobs: await jobs.list({ limit, before }) }
  })

  const params = idParameter({ title: 'job' })
  app.get<{ Params: IdParameter }>(
    '/api/admin/jobs/:id',
    { schema: { summary: 'Read a job', tags, params, response: responses({ 200: job }, 401, 404, 422, 503) } },
    async (request) => {
      const found = await jobs.read(request.params.id)
      if (found === undefined) throw new NotFound(`The job ${request.params.id}`)
      return found
    },
  )
  app.post<{ Params: IdParameter }>(
    '/api/admin/jobs/:id/cancel',
    { schema: { summary: 'Cancel a job', tags, params, response: responses({ 202: job }, 401, 404, 409, 422, 503) } },
    async (request, reply) => {
      const { id } = request.params
      const cancelled = await jobs.cancel(id)
      if (cancelled !== undefined) return reply.code(202).send(cancelled)
      if ((await jobs.read(id)) === undefined) throw new NotFound(`The job ${id}`)
      throw new Refused('ended', 'The job has ended.')
    },
  )
}

/** Waits until a job has ended, but not for long: it goes on without the caller. */
async function end(jobs: Jobs, opened: Job): Promise<Job> {
  const until = performance.now() + patience_ms
  let job = opened
  while (performance.now() < until && !['COMPLETED', 'FAILED', 'CANCELLED'].includes(job.state)) {
    await new Promise((resolve) => setTimeout(resolve, look_ms))
    job = (await jobs.read(opened.id)) ?? job
  }
  return job
}
