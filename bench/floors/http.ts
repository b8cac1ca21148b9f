import { newId, orders } from '@ordermill/model'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Floor } from './index.ts'

/** What is accepted: an id, and the body as it was checked. */
export type Accept = (id: string, body: object) => Promise<void>

const receipt = {
  type: 'object',
  properties: { status: { type: 'string' }, order_id: { type: 'string' }, version: { type: 'integer' } },
} as const

/** A bare Fastify that checks orders by the product's schema, hands them to `accept`, and answers as the product does. */
export async function serveAccept(accept: Accept, stop: () => Promise<void>): Promise<Floor> {
  const app = bareFastify()
  app.post(
    '/api/orders',
    { schema: { body: orders.create.schema, response: { 202: receipt } } },
    async (request, reply) => {
      const id = newId()
      await accept(id, request.body as object)
      return reply
        .code(202)
        .header('location', `/api/orders/${id}`)
        .send({ status: 'processing', order_id: id, version: 1 })
    },
  )
  return listen(app, stop)
}

/** Strict as the product: nothing is coerced or dropped. */
export const bareFastify = (): FastifyInstance =>
  Fastify({
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: true, strict: false } },
  }) as unknown as FastifyInstance

export async function listen(app: FastifyInstance, stop: () => Promise<void>): Promise<Floor> {
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    url,
    async stop() {
      await app.close()
      await stop()
    },
  }
}
