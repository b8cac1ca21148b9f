import { Redis } from 'ioredis'
import { addresses } from '../stores.ts'
import { bareFastify, listen } from './http.ts'
import type { Floor } from './index.ts'

/** The least that anybody does who reads a record from a cache: a bare Fastify and one GET. The text leaves as it is. */
export async function readFloor(): Promise<Floor> {
  const redis = new Redis(addresses().REDIS_ADDR[0] ?? '')
  const app = bareFastify()
  app.get<{ Params: { id: string } }>('/api/orders/:id', async (request, reply) => {
    const text = await redis.get(`floor:read:${request.params.id}`)
    if (text === null) return reply.code(404).send()
    return reply.header('content-type', 'application/json; charset=utf-8').send(text)
  })
  return listen(app, async () => redis.disconnect())
}
