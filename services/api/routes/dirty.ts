import type { Dirty, Mark, Marked, RecordCache } from '@ordermill/cache'
import type { Jobs } from '@ordermill/database'
import { isId } from '@ordermill/model'
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { bodyReader } from '../body.ts'
import { wrong } from '../parameters.ts'
import { answer, named, responses } from '../schemas.ts'
import { jobResponses, runJob } from './jobs.ts'

export interface DirtyParts {
  cache: Pick<RecordCache, 'dirty'>
  dirty: Pick<Dirty, 'page' | 'bytes' | 'now_ms'>
  jobs: Jobs
}

const id = '01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e9f'
const marks = ['unsent', 'sent', 'parked'] as const
const markSchema = Type.Enum([...marks], {
  description: 'unsent: the broker has not confirmed it; sent: it has; parked: it was set aside.',
})
const count = Type.Integer({ minimum: 0 })
const page = named(
  'DirtyPage',
  Type.Object({
    count: Type.Object({ unsent: count, sent: count, parked: count }),
    oldest_seconds: Type.Number({ minimum: 0, description: 'Age of the oldest that is unsent or sent.' }),
    bytes_estimate: Type.Integer({
      minimum: 0,
      description: 'Of the cached texts of those that are unsent or sent: their number times the mean of this page.',
    }),
    dirty: Type.Array(
      named(
        'DirtyVersion',
        Type.Object({
          id: Type.String({ format: 'uuid' }),
          version: Type.Integer({ minimum: 1 }),
          mark: markSchema,
          age_seconds: Type.Number({ minimum: 0 }),
        }),
      ),
      { description: 'Oldest first.' },
    ),
    next_cursor: Type.Union([Type.String(), Type.Null()], { description: 'null on the last page' }),
  }),
  {
    examples: [
      {
        count: { unsent: 1, sent: 0, parked: 0 },
        oldest_seconds: 4.2,
        bytes_estimate: 310,
        dirty: [{ id, version: 1, mark: 'unsent', age_seconds: 4.2 }],
        next_cursor: null,
      },
    ],
  },
)
const query = Type.Object({
  mark: Type.Optional(
    Type.Enum([...marks], { description: 'Those with this mark; else those that are unsent or sent.' }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 25 })),
  cursor: Type.Optional(Type.String({ maxLength: 200, description: 'next_cursor of the page before.' })),
})
const flushInput = named(
  'FlushInput',
  Type.Object(
    { id: Type.Optional(Type.String({ format: 'uuid', description: 'The record; else all of them.' })) },
    { additionalProperties: false },
  ),
  { examples: [{}] },
)
const flushed = named(
  'Flush',
  Type.Object({
    published: Type.Integer({ minimum: 0, description: 'Unsent ones that the broker took.' }),
    settled: Type.Integer({ minimum: 0, description: 'Those that the database has: not dirty any more.' }),
    waiting: Type.Integer({ minimum: 0, description: 'Those that the broker has had: they wait for the worker.' }),
  }),
  { examples: [{ published: 3, settled: 1, waiting: 12 }] },
)

/** What is accepted and not yet known to be in the database: seen, and looked after at once. */
export function dirtyRoutes(app: FastifyInstance, { cache, dirty, jobs }: DirtyParts): void {
  const shared = { tags: ['admin'], security: [{ admin: [] }] }
  const listSchema = {
    operationId: 'listDirty',
    summary: 'What is accepted and not yet known to be in the database, oldest first',
    ...shared,
    querystring: query,
    response: responses({ 200: answer('One page, and the counts', page) }, 401, 422, 503),
  }
  app.get<{ Querystring: Static<typeof query> }>('/api/admin/dirty', { schema: listSchema }, async (request) => {
    const { mark, limit = 25, cursor } = request.query
    const after = cursor === undefined ? undefined : readCursor(cursor)
    const wanted: Mark[] = mark === undefined ? ['unsent', 'sent'] : [mark]
    const [{ unsent, sent, parked, oldest_ms }, found, now_ms] = await Promise.all([
      cache.dirty(),
      dirty.page(wanted, limit, after),
      dirty.now_ms(),
    ])
    const sampled = found.length === 0 ? 0 : (await dirty.bytes(found.map((one) => one.id))) / found.length
    const last = found.at(-1)
    return {
      count: { unsent, sent, parked },
      oldest_seconds: oldest_ms / 1_000,
      bytes_estimate: Math.round(sampled * (unsent + sent)),
      dirty: found.map(({ since_ms, ...one }) => ({ ...one, age_seconds: Math.max(0, now_ms - since_ms) / 1_000 })),
      next_cursor: last === undefined || found.length < limit ? null : writeCursor(last),
    }
  })

  const read = bodyReader(flushInput)
  const flushSchema = {
    operationId: 'flushDirty',
    summary: 'Look after what is dirty now',
    description: 'The worker publishes what is unsent, and settles what the database has: of one record, or of all.',
    ...shared,
    body: flushInput,
    response: jobResponses('Done', flushed, ...[400, 401, 409, 413, 415, 422, 503]),
  }
  app.post('/api/admin/dirty/flush', { schema: flushSchema }, async (request, reply) => {
    const { id: one } = read(request.body)
    return await runJob(reply, jobs, 'flush', one === undefined ? {} : { id: one })
  })
}

const writeCursor = ({ since_ms, id, version }: Marked): string =>
  Buffer.from(`${since_ms} ${id} ${version}`).toString('base64url')

/** @throws InvalidParameters if it is none of ours */
function readCursor(text: string): Marked {
  const [since = '', one = '', version = ''] = Buffer.from(text, 'base64url').toString().split(' ')
  const after: Marked = { since_ms: Number(since), id: one, version: Number(version), mark: 'sent' }
  if (
    !isId(one) ||
    !Number.isSafeInteger(after.since_ms) ||
    !Number.isSafeInteger(after.version) ||
    writeCursor(after) !== text
  )
    throw wrong('cursor', 'cursor', 'must be a next_cursor as an answer gave it')
  return after
}
