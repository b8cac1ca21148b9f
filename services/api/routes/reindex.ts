import type { Jobs, SearchIndices } from '@ordermill/database'
import { Forbidden, NotFound, newId, Refused } from '@ordermill/model'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { bodyReader } from '../body.ts'
import { answer, named, responses } from '../schemas.ts'
import { exampleJob, job, jobResponses, runJob } from './jobs.ts'

export interface ReindexParts {
  jobs: Jobs
  indices: SearchIndices
  /** By which this process asks. */
  definition: string
}

const input = named(
  'ReindexInput',
  Type.Object(
    {
      accept_rejects: Type.Optional(
        Type.Boolean({ description: 'Also if the new index does not take some documents.', default: false }),
      ),
    },
    { additionalProperties: false },
  ),
  { examples: [{ accept_rejects: false }] },
)
const index = named(
  'SearchIndex',
  Type.Object({
    name: Type.String(),
    role: Type.Enum(['serving', 'building', 'kept'], {
      description: 'serving: searches ask it; building: on its way there; kept: it served before, and is fed on.',
    }),
    definition: Type.Union([Type.String(), Type.Null()], { description: 'By which it is fed.' }),
    differs: Type.Array(Type.String(), {
      description:
        'What it does not have of that, and only a new index can have: fields, (analysis), (shards). As whoever feeds it sees it.',
    }),
    change_seq: Type.Integer({ minimum: 0, description: 'The change that everything was written up to.' }),
  }),
)
const state = named(
  'ReindexState',
  Type.Object({
    definition: Type.String({ description: 'By which this process asks.' }),
    indices: Type.Array(index),
    job: Type.Union([job, Type.Null()], { description: 'The last one; its progress says how far it is.' }),
  }),
  {
    examples: [
      {
        definition: '1f0c2a9b',
        indices: [{ name: 'orders-1f0c2a9b', role: 'serving', definition: '1f0c2a9b', differs: [], change_seq: 8123 }],
        job: { ...exampleJob, kind: 'reindex' },
      },
    ],
  },
)
const switched = named(
  'IndexSwitched',
  Type.Object({ index: Type.String({ description: 'It serves now.' }), previous: Type.String() }),
  { examples: [{ index: 'orders-1f0c2a9b', previous: 'orders-1f0c2a9b-3f5a6c7d' }] },
)
const dropped = named('IndicesDropped', Type.Object({ dropped: Type.Array(Type.String()) }), {
  examples: [{ dropped: ['orders-1f0c2a9b'] }],
})

const tags = ['admin']
const security = [{ admin: [] }]
const path = '/api/admin/reindex'
const ended = ['COMPLETED', 'FAILED', 'CANCELLED']

/** A new search index, built beside the one that serves: as a job of the worker. */
export function reindexRoutes(app: FastifyInstance, { jobs, indices, definition }: ReindexParts): void {
  const last = () => jobs.last('reindex')
  const readInput = bodyReader(input)
  const startSchema = {
    operationId: 'startReindex',
    summary: 'Build the search index anew',
    description:
      'A new index is fed from the first change while the one that stands serves on; once it was held against the database it takes its place. The one before is kept, and fed on, until it is dropped.',
    tags,
    security,
    body: input,
    response: responses({ 202: answer('The job', job, 'Location') }, ...[400, 401, 409, 413, 415, 422, 503]),
  }
  app.post(path, { schema: startSchema }, async (request, reply) => {
    const { accept_rejects = false } = readInput(request.body)
    if ((await indices.list()).some(({ role }) => role === 'kept'))
      throw new Forbidden('kept', 'An index is kept: drop it first, or go back to it.')
    const opened = await jobs.open(newId(), 'reindex', { accept_rejects })
    if (opened === undefined) throw new Forbidden('busy', 'A reindex is running.')
    return reply.header('location', `/api/admin/jobs/${opened.id}`).code(202).send(opened)
  })

  const stateSchema = {
    operationId: 'getReindex',
    summary: 'Which search indices there are, and how far the last reindex is',
    tags,
    security,
    response: responses({ 200: answer('How it stands', state) }, 401, 503),
  }
  app.get(path, { schema: stateSchema }, async () => {
    const [all, found] = await Promise.all([indices.list(), last()])
    const shown = all.map(({ name, role, definition: of, differs, change_seq }) => {
      return { name, role, definition: of, differs, change_seq }
    })
    return { definition, indices: shown, job: found ?? null }
  })

  const step = { tags, security }
  const problems = [401, 404, 409, 503]
  const cancelSchema = {
    ...step,
    operationId: 'cancelReindex',
    summary: 'Cancel the reindex that runs',
    description: 'What it has built is removed; the index that serves was never touched.',
    response: responses({ 202: answer('The job', job) }, ...problems),
  }
  app.post(`${path}/cancel`, { schema: cancelSchema }, async (_request, reply) => {
    const found = await last()
    if (found === undefined) throw new NotFound('A reindex')
    const cancelled = ended.includes(found.state) ? undefined : await jobs.cancel(found.id)
    if (cancelled === undefined) throw new Refused('ended', 'The reindex has ended.')
    return reply.code(202).send(cancelled)
  })

  const hasKept = async () => {
    if (!(await indices.list()).some(({ role }) => role === 'kept')) throw new NotFound('A search index that is kept')
  }
  /** A job on the index that is kept: somebody may drop that meanwhile. */
  const onKept = async (reply: FastifyReply, kind: string) => {
    await hasKept()
    return await runJob(reply, jobs, kind, {}).catch(async (thrown: unknown) => {
      await hasKept()
      throw thrown
    })
  }
  const backSchema = {
    ...step,
    operationId: 'rollbackReindex',
    summary: 'Have searches ask the index again that served before',
    response: jobResponses('It serves', switched, ...problems),
  }
  app.post(`${path}/rollback`, { schema: backSchema }, (_request, reply) => onKept(reply, 'reindex-rollback'))

  const dropSchema = {
    ...step,
    operationId: 'dropReindexed',
    summary: 'Remove the search index that served before',
    response: jobResponses('It is gone', dropped, ...problems),
  }
  app.post(`${path}/drop`, { schema: dropSchema }, (_request, reply) => onKept(reply, 'reindex-drop'))
}
