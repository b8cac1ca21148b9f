import { Queue } from 'bullmq'
import { addresses } from '../stores.ts'
import { serveAccept } from './http.ts'
import type { Floor } from './index.ts'

/** BullMQ: a job a request, on Redis with AOF. It promises no row; what Redis loses between two syncs is lost. */
export async function acceptBullmq(): Promise<Floor> {
  const { hostname: host, port } = new URL(addresses().REDIS_ADDR[0] ?? '')
  const queue = new Queue('bench-orders', { connection: { host, port: Number(port) } })
  await queue.waitUntilReady()
  const accept = async (id: string, body: object) => {
    await queue.add('order', body, { jobId: id })
  }
  return serveAccept(accept, () => queue.close())
}
