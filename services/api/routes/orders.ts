import { isId, NotFound, orders } from '@ordermill/model'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Reader } from '../reader.ts'
import { asText, idParameter, receipt, responses } from '../schemas.ts'
import type { Caller, Writer } from '../writer.ts'

const header = (request: FastifyRequest, name: string): string | undefined => {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}

/** Who asks, as the request's headers tell. */
export const callerOf = (request: FastifyRequest): Caller => ({
  correlationId: request.id,
  traceparent: header(request, 'traceparent'),
  key: header(request, 'idempotency-key'),
})

/** Orders: placing and reading them. */
export function orderRoutes(app: FastifyInstance, { writer, reader }: { writer: Writer; reader: Reader }): void {
  const createSchema = {
    summary: 'Place an order',
    tags: ['orders'],
    headers: Type.Object({
      'idempotency-key': Type.Optional(
        Type.String({ description: 'The same key and body are accepted once, however often they are sent.' }),
      ),
    }),
    body: orders.create.schema,
    response: responses({ 202: receipt }, 400, 413, 415, 422, 503),
  }
  app.post('/api/orders', { schema: createSchema }, async (request, reply) => {
    const { id, version, replayed } = await writer.create(request.body, callerOf(request))
    if (replayed) reply.header('idempotent-replayed', 'true')
    return reply.code(202).header('location', `/api/orders/${id}`).send({ status: 'processing', order_id: id, version })
  })

  const getSchema = {
    summary: 'Read an order',
    tags: ['orders'],
    params: idParameter,
    response: responses({ 200: asText('The order as it stands', orders.record.schema) }, 404, 422, 503),
  }
  app.get<{ Params: { id: string } }>('/api/orders/:id', { schema: getSchema }, async (request, reply) => {
    const { id } = request.params
    if (!isId(id)) throw new NotFound(`The order ${id}`)
    const { version, source } = await reader.read(id)
    return reply
      .header('content-type', 'application/json; charset=utf-8')
      .header('etag', `"${version.version}-${version.hash}"`)
      .header('x-cache', source)
      .send(version.text)
  })
}
