import { Queue, Worker } from 'bullmq'
import pg from 'pg'
import { orderBodies, pagesOf, versionsOf } from '../orders.ts'
import { addresses } from '../stores.ts'
import type { Floor } from './index.ts'
import { insertOne, valuesOf } from './upsert.ts'

const at_once = 100

/** BullMQ: a job an order, one INSERT each, as many at once as help. Nothing is indexed. */
export async function drainBullmq(count: number): Promise<Floor> {
  const { POSTGRES_DSN, REDIS_ADDR } = addresses()
  const { hostname: host, port } = new URL(REDIS_ADDR[0] ?? '')
  const connection = { host, port: Number(port) }
  const name = `bench-drain-${process.pid}`
  const queue = new Queue(name, { connection })
  for (const page of pagesOf(versionsOf(orderBodies(), count), 1_000))
    await queue.addBulk(page.map(({ text }) => ({ name: 'order', data: JSON.parse(text) as Record<string, unknown> })))
  const pool = new pg.Pool({ connectionString: POSTGRES_DSN, max: 10 })
  const worker = new Worker<Record<string, unknown>>(
    name,
    async ({ data }) => {
      await pool.query({ name: 'insert', text: insertOne, values: valuesOf(data) })
    },
    { connection, concurrency: at_once, removeOnComplete: { count: 0 } },
  )
  worker.on('error', () => undefined)
  return {
    url: '',
    async stop() {
      await worker.close()
      await queue.close()
      await pool.end()
    },
  }
}
