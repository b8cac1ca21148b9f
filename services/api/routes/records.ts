import { type Collection, isId, NotFound } from '@ordermill/model'
import type { Replies } from '@ordermill/queue'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Admission } from '../admission.ts'
import { etagOf, isNotModified } from '../preconditions.ts'
import type { Reader } from '../reader.ts'
import {
  answer,
  changeHeaders,
  type IdParameter,
  idParameter,
  inputSchema,
  nameOf,
  patchSchema,
  readHeaders,
  receipt,
  recordSchema,
  responses,
  type WaitQuery,
  waitQuery,
  writeHeaders,
} from '../schemas.ts'
import type { Waiter } from '../waiter.ts'
import type { Receipt, Writer } from '../writer.ts'
import { callerOf, headerOf, sentId } from './caller.ts'

interface RecordParts {
  collection: Collection
  writer: Writer
  reader: Reader
  waiter: Waiter
  admission: Pick<Admission, 'release'>
  replies: Pick<Replies, 'address'>
}

/** One record of a collection: placing, reading, changing and deleting it. */
export function recordRoutes(
  app: FastifyInstance,
  { collection, writer, reader, waiter, replies, admission }: RecordParts,
): void {
  const { name, title } = collection
  const base = `/api/${name}`
  const one = `${base}/:id`
  const tags = [name]
  const known = (id: string) => {
    if (!isId(id)) throw new NotFound(`The ${title} ${id}`)
    return id
  }

  const sendReceipt = async (
    reply: FastifyReply,
    { id, version, outcome }: Receipt,
    done: 200 | 201,
    { wait, wait_ms = 5_000 }: WaitQuery,
  ) => {
    reply.header('location', `${base}/${id}`)
    if (outcome === 'replayed') reply.header('idempotent-replayed', 'true')
    if (outcome === 'bypassed') reply.header('x-cache', 'BYPASS')
    if (wait !== undefined) admission.release(reply.request.raw)
    const stage = wait === undefined ? 'processing' : await waiter.wait(wait, id, version, wait_ms)
    const status = outcome === 'unchanged' ? outcome : stage
    reply.code(status === 'unchanged' ? 200 : status === (wait ?? 'persisted') ? done : 202)
    return reply.send({ status, [`${title}_id`]: id, version })
  }

  const answered = receipt(collection)
  const createSchema = {
    operationId: `create${nameOf(collection)}`,
    summary: `Place an ${title}`,
    tags,
    headers: writeHeaders,
    querystring: waitQuery,
    body: inputSchema(collection),
    response: responses(
      {
        201: answer('Persisted or indexed, as ?wait= asked', answered, 'Location', 'Idempotent-Replayed', 'X-Cache'),
        202: answer('Accepted', answered, 'Location', 'Idempotent-Replayed', 'X-Cache'),
      },
      ...[400, 413, 415, 422, 503],
    ),
  }
  app.post<{ Querystring: WaitQuery }>(base, { schema: createSchema }, async (request, reply) => {
    const caller = callerOf(request, request.query.wait === undefined ? undefined : replies)
    return sendReceipt(reply, await writer.create(request.body, caller), 201, request.query)
  })

  const getSchema = {
    operationId: `get${nameOf(collection)}`,
    summary: `Read an ${title}`,
    tags,
    params: idParameter(collection),
    headers: readHeaders,
    response: responses(
      {
        200: answer(`The ${title} as it stands`, recordSchema(collection), 'ETag', 'X-Cache'),
        304: { description: 'The client has it', type: 'null', headers: { ETag: {}, 'X-Cache': {} } },
      },
      ...[404, 422, 503],
    ),
  }
  app.get<{ Params: IdParameter }>(one, { schema: getSchema }, async (request, reply) => {
    const { version, source } = await reader.read(known(request.params.id), sentId(request))
    reply.header('etag', etagOf(version)).header('x-cache', source)
    if (isNotModified(headerOf(request, 'if-none-match'), version)) return reply.code(304).send()
    reply.header('content-type', 'application/json; charset=utf-8')
    return version.text
  })

  const changed = responses(
    {
      200: answer('Persisted or indexed, as ?wait= asked, or unchanged', answered, 'Location', 'Idempotent-Replayed'),
      202: answer('Accepted', answered, 'Location', 'Idempotent-Replayed'),
    },
    ...[400, 404, 409, 412, 413, 415, 422, 503],
  )
  const updateSchema = {
    operationId: `update${nameOf(collection)}`,
    summary: `Change an ${title}`,
    description: `An RFC 7396 merge patch of any field, and \`status\`: ${stepsInWords(collection)}.`,
    tags,
    params: idParameter(collection),
    headers: changeHeaders,
    querystring: waitQuery,
    consumes: ['application/merge-patch+json', 'application/json'],
    body: patchSchema(collection),
    response: changed,
  }
  app.patch<{ Params: IdParameter; Querystring: WaitQuery }>(one, { schema: updateSchema }, async (request, reply) => {
    const caller = callerOf(request, request.query.wait === undefined ? undefined : replies)
    const accepted = await writer.update(known(request.params.id), request.body, caller, headerOf(request, 'if-match'))
    return sendReceipt(reply, accepted, 200, request.query)
  })

  const deleteSchema = {
    operationId: `delete${nameOf(collection)}`,
    summary: `Delete an ${title}`,
    description: 'Leaves a tombstone: reads answer 404, the history stays.',
    tags,
    params: idParameter(collection),
    headers: changeHeaders,
    querystring: waitQuery,
    response: changed,
  }
  app.delete<{ Params: IdParameter; Querystring: WaitQuery }>(one, { schema: deleteSchema }, async (request, reply) => {
    const caller = callerOf(request, request.query.wait === undefined ? undefined : replies)
    const accepted = await writer.remove(known(request.params.id), caller, headerOf(request, 'if-match'))
    return sendReceipt(reply, accepted, 200, request.query)
  })
}

const stepsInWords = ({ status }: Collection): string =>
  status.all
    .filter((from) => status.after(from).length > 0)
    .map((from) => `${from} → ${status.after(from).join(' or ')}`)
    .join(', ')
