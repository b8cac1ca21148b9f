import type { Job, Jobs } from '@ordermill/database'
import { Forbidden, NotFound, newId, Refused, Unavailable } from '@ordermill/model'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type, { type Static, type TSchema } from 'typebox'
import { answer, type IdParameter, idParameter, named, responses } from '../schemas.ts'

const anything = Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()])
/** A job as it may be. */
export const exampleJob: Job = {
  id: '01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e9f',
  kind: 'refresh',
  arguments: {},
  state: 'PROCESSING',
  progress: null,
  result: null,
  error: null,
  attempts: 1,
  cancel_requested: false,
  created_at: '2026-01-31T09:30:00.125Z',
  updated_at: '2026-01-31T09:30:00.250Z',
}
const states = ['OPEN', 'IN_QUEUE', 'PROCESSING', 'COMPLETED', 'FAILED', 'RETRY_IN_QUEUED', 'CANCELLED']
/** A job, as it is answered. */
export const job = named(
  'Job',
  Type.Object({
    id: Type.String({ format: 'uuid' }),
    kind: Type.String(),
    arguments: anything,
    state: Type.Enum(states),
    progress: anything,
    result: anything,
    error: Type.Union([Type.String(), Type.Null()]),
    attempts: Type.Integer({ minimum: 0 }),
    cancel_requested: Type.Boolean(),
    created_at: Type.String({ format: 'date-time' }),
    updated_at: Type.String({ format: 'date-time' }),
  }),
  {
    description: 'What an operator asked for',
    examples: [exampleJob],
  },
)
const jobPage = named('JobPage', Type.Object({ jobs: Type.Array(job) }), { examples: [{ jobs: [exampleJob] }] })
const page = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 25 })),
  before: Type.Optional(Type.String({ format: 'uuid', description: 'The last id of the page before.' })),
})
const refreshed = named(
  'Refresh',
  Type.Object({
    view: Type.String(),
    outcome: Type.String(),
    as_of: Type.String({ format: 'date-time', description: 'Everything persisted by then is in the view.' }),
    duration_ms: Type.Number({ minimum: 0 }),
  }),
  {
    examples: [{ view: 'daily_sales_mv', outcome: 'refreshed', as_of: '2026-01-31T09:30:00.125Z', duration_ms: 41.5 }],
  },
)

/** How long a call waits for a short job, and how often it looks. */
const patience_ms = 20_000
const look_ms = 50

/** What operators ask for: as jobs of the worker. */
export function jobRoutes(app: FastifyInstance, { jobs }: { jobs: Jobs }): void {
  const tags = ['admin']
  const security = [{ admin: [] }]
  const refreshSchema = {
    operationId: 'refreshViews',
    summary: 'Refresh the materialized views now',
    tags,
    security,
    response: jobResponses('Refreshed', refreshed, 401, 409, 503),
  }
  app.post('/api/admin/refresh', { schema: refreshSchema }, (_request, reply) => runJob(reply, jobs, 'refresh', {}))

  const listSchema = {
    operationId: 'listJobs',
    summary: 'List jobs, newest first',
    tags,
    security,
    querystring: page,
    response: responses({ 200: answer('One page', jobPage) }, 401, 422, 503),
  }
  app.get<{ Querystring: Static<typeof page> }>('/api/admin/jobs', { schema: listSchema }, async (request) => {
    const { limit = 25, before } = request.query
    return { jobs: await jobs.list({ limit, before }) }
  })

  const readSchema = {
    operationId: 'getJob',
    summary: 'Read a job',
    tags,
    security,
    params: idParameter({ title: 'job' }),
    response: responses({ 200: answer('The job', job) }, 401, 404, 422, 503),
  }
  app.get<{ Params: IdParameter }>('/api/admin/jobs/:id', { schema: readSchema }, async (request) => {
    const found = await jobs.read(request.params.id)
    if (found === undefined) throw new NotFound(`The job ${request.params.id}`)
    return found
  })

  const cancelSchema = {
    operationId: 'cancelJob',
    summary: 'Cancel a job',
    description: 'One that nobody has started is cancelled at once; one that runs ends at its next step.',
    tags,
    security,
    params: idParameter({ title: 'job' }),
    response: responses({ 202: answer('The job', job) }, 401, 404, 409, 422, 503),
  }
  app.post<{ Params: IdParameter }>('/api/admin/jobs/:id/cancel', { schema: cancelSchema }, async (request, reply) => {
    const { id } = request.params
    const cancelled = await jobs.cancel(id)
    if (cancelled !== undefined) return reply.code(202).send(cancelled)
    if ((await jobs.read(id)) === undefined) throw new NotFound(`The job ${id}`)
    throw new Refused('ended', 'The job has ended.')
  })
}

/** The responses of `runJob`, with the job's result as `result`, and problem documents for these statuses. */
export const jobResponses = (description: string, result: TSchema, ...problems: number[]) =>
  responses(
    {
      200: answer(description, result, 'Location'),
      202: answer('It takes longer: the job', job, 'Location'),
    },
    ...problems,
  )

/** Opens a short job, waits for it, and answers with its result; with the job if it takes longer. */
export async function runJob(
  reply: FastifyReply,
  jobs: Jobs,
  kind: string,
  args: Record<string, unknown>,
): Promise<FastifyReply> {
  const opened = await jobs.open(newId(), kind, args)
  const busy = () => new Forbidden('busy', `A ${kind} is running.`)
  if (opened === undefined) throw busy()
  const ended = await end(jobs, opened)
  if (ended.result?.['outcome'] === 'busy') throw busy()
  if (ended.state === 'FAILED')
    throw new Unavailable(`${kind}-failed`, `The ${kind} failed; the job ${opened.id} says why.`)
  reply.header('location', `/api/admin/jobs/${opened.id}`)
  return ended.state === 'COMPLETED' ? reply.send(ended.result) : reply.code(202).send(ended)
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
