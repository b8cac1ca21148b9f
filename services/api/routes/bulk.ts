import type { Bulk } from '@ordermill/database'
import { type Collection, Invalid, isId, memberId, NotFound, pointer } from '@ordermill/model'
import type { Replies } from '@ordermill/queue'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import type { Admission } from '../admission.ts'
import type { BulkWriter } from '../bulk.ts'
import { exampleInput, exampleOf } from '../examples.ts'
import { sendProblem } from '../plugins/problems.ts'
import {
  answer,
  type IdParameter,
  idParameter,
  inputSchema,
  named,
  nameOf,
  problem,
  responses,
  writeHeaders,
} from '../schemas.ts'
import { callerOf } from './caller.ts'

/** Most records in one bulk. */
const membersMax = 1_000

const query = Type.Object({
  wait_ms: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 30_000, default: 5_000, description: 'How long to wait for the outcome.' }),
  ),
})

interface BulkRouteParts {
  collection: Collection
  bulks: BulkWriter
  replies: Pick<Replies, 'address'>
  admission: Pick<Admission, 'release'>
}

/** Bulks of a collection: all or nothing, in one transaction. */
export function bulkRoutes(app: FastifyInstance, { collection, bulks, replies, admission }: BulkRouteParts): void {
  const { name, title } = collection
  const path = `/api/bulk-${name}`
  const { id } = exampleOf(collection)
  const state = named(
    nameOf(collection, 'Bulk'),
    Type.Object({
      bulk_id: Type.String({ format: 'uuid' }),
      status: Type.Enum(['processing', 'committed', 'rolled_back']),
      [`${title}_ids`]: Type.Optional(
        Type.Array(Type.String({ format: 'uuid' }), { description: 'In the order they were sent.' }),
      ),
      errors: Type.Optional(
        Type.Array(Type.Object({ index: Type.Integer(), code: Type.String(), detail: Type.String() }), {
          description: 'Which records made it roll back, and why.',
        }),
      ),
    }),
    { examples: [{ bulk_id: id, status: 'committed', [`${title}_ids`]: [memberId(id, 0)] }] },
  )
  const body = named(
    nameOf(collection, 'BulkInput'),
    Type.Union([
      Type.Object(
        { [name]: Type.Array(inputSchema(collection), { minItems: 1, maxItems: membersMax }) },
        { additionalProperties: false },
      ),
      Type.Object(
        { item_1: Type.String(), item_2: Type.String() },
        { additionalProperties: false, description: 'Two names, amount 0.' },
      ),
    ]),
    { examples: [{ [name]: [exampleInput(collection)] }, { item_1: 'REGENCY CAKESTAND 3 TIER', item_2: 'LANTERN' }] },
  )

  const rolledBack = {
    type: 'urn:ordermill:problem:rolled-back',
    title: 'Invalid',
    status: 422,
    detail: `The bulk ${id} was rolled back: nothing of it was written.`,
    code: 'rolled-back',
    errors: [{ pointer: `/${name}/0`, code: 'simulated-failure', detail: 'a product named ERROR fails here' }],
    correlation_id: 'checkout-4711',
  }
  const postSchema = {
    operationId: `create${nameOf(collection, 'Bulk')}`,
    summary: `Place up to ${membersMax} ${name}: all or none`,
    tags: [name],
    headers: writeHeaders,
    querystring: query,
    body,
    response: {
      ...responses(
        {
          201: answer('Committed', state, 'Location', 'Idempotent-Replayed'),
          202: answer('Accepted, not yet done', state, 'Location', 'Idempotent-Replayed'),
        },
        ...[400, 413, 415, 422, 503],
      ),
      422: {
        description: 'Rules are broken, or the bulk was rolled back; `errors` has every one',
        headers: { Location: {}, 'Idempotent-Replayed': {} },
        content: { 'application/problem+json': { schema: problem, example: rolledBack } },
      },
    },
  }
  app.post<{ Querystring: Static<typeof query> }>(path, { schema: postSchema }, async (request, reply) => {
    const { wait_ms = 5_000 } = request.query
    const { id, replayed, outcome } = await bulks.accept(membersOf(request.body, name), callerOf(request, replies), {
      wait_ms,
      onWait: () => admission.release(request.raw),
    })
    reply.header('location', `${path}/${id}`)
    if (replayed) reply.header('idempotent-replayed', 'true')
    if (outcome === undefined) return reply.code(202).send({ bulk_id: id, status: 'processing' })
    if (outcome.outcome === 'rolled_back') return sendRollback(request, reply, outcome, name)
    return reply.code(201).send(committed(outcome))
  })

  const getSchema = {
    operationId: `get${nameOf(collection, 'Bulk')}`,
    summary: 'What became of a bulk',
    tags: [name],
    params: idParameter({ title: 'bulk' }),
    response: responses({ 200: answer('The bulk', state) }, 404, 422, 503),
  }
  app.get<{ Params: IdParameter }>(`${path}/:id`, { schema: getSchema }, async (request) => {
    const { id } = request.params
    const bulk = isId(id) ? await bulks.read(id) : undefined
    if (bulk === undefined) throw new NotFound(`The bulk ${id}`)
    if (bulk === 'processing') return { bulk_id: id, status: 'processing' }
    return bulk.outcome === 'committed'
      ? committed(bulk)
      : { bulk_id: id, status: 'rolled_back', errors: bulk.errors ?? [] }
  })

  const committed = ({ id, members }: Bulk) => ({
    bulk_id: id,
    status: 'committed',
    [`${title}_ids`]: Array.from({ length: members }, (_, index) => memberId(id, index)),
  })
}

/** The members of a bulk's body. @throws Invalid if it is neither form, or has none or too many */
function membersOf(body: unknown, name: string): unknown[] {
  const fault = (at: string, code: string, detail: string) => new Invalid([{ pointer: at, code, detail }])
  if (body === null || typeof body !== 'object' || Array.isArray(body)) throw fault('', 'type', 'must be a JSON object')
  const all = body as Record<string, unknown>
  const known = [name, 'item_1', 'item_2']
  const unknown = Object.keys(all).filter((key) => !known.includes(key))
  const detail = `is unknown here: there are ${known.join(', ')}`
  if (unknown.length > 0)
    throw new Invalid(unknown.slice(0, 100).map((key) => ({ pointer: pointer(key), code: 'unknown', detail })))
  if ('item_1' in all || 'item_2' in all) {
    if (name in all) throw fault(`/${name}`, 'either', 'send either this or item_1 and item_2')
    const missing = ['item_1', 'item_2'].filter((key) => typeof all[key] !== 'string')
    if (missing.length > 0)
      throw new Invalid(missing.map((key) => ({ pointer: `/${key}`, code: 'type', detail: 'must be text' })))
    return [all['item_1'], all['item_2']].map((product_name) => ({ product_name, amount: 0 }))
  }
  const members = all[name]
  if (!Array.isArray(members)) throw fault(`/${name}`, members === undefined ? 'required' : 'type', 'must be an array')
  if (members.length < 1 || members.length > membersMax)
    throw fault(`/${name}`, 'length', `must have 1 to ${membersMax} records`)
  return members
}

function sendRollback(request: FastifyRequest, reply: FastifyReply, { id, errors }: Bulk, name: string) {
  return sendProblem(request, reply, {
    status: 422,
    code: 'rolled-back',
    detail: `The bulk ${id} was rolled back: nothing of it was written.`,
    errors: (errors ?? []).map(({ index, code, detail }) => ({ pointer: `/${name}/${index}`, code, detail })),
  })
}
