import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { orderBodies, pagesOf, versionsOf } from '../orders.ts'
import { addresses } from '../stores.ts'
import type { Floor } from './index.ts'
import { upsertBatch } from './upsert.ts'

const batch = 500

/** pg-boss: jobs fetched, upserted and completed in batches, without its pause between two polls. Nothing is indexed. */
export async function drainPgBoss(count: number): Promise<Floor> {
  const { POSTGRES_DSN } = addresses()
  const boss = new PgBoss({ connectionString: POSTGRES_DSN, max: 4, supervise: false, schedule: false })
  boss.on('error', () => undefined)
  await boss.start()
  const queue = `bench-drain-${process.pid}`
  await boss.createQueue(queue)
  for (const page of pagesOf(versionsOf(orderBodies(), count), 1_000))
    await boss.insert(
      queue,
      page.map(({ text }) => ({ data: JSON.parse(text) as object })),
    )
  const pool = new pg.Pool({ connectionString: POSTGRES_DSN, max: 1 })
  let stopping = false
  const run = async () => {
    while (!stopping) {
      const jobs = await boss.fetch(queue, { batchSize: batch })
      if (jobs.length === 0) return
      await pool.query({ name: 'upsert', text: upsertBatch, values: [JSON.stringify(jobs.map(({ data }) => data))] })
      await boss.complete(
        queue,
        jobs.map(({ id }) => id),
      )
    }
  }
  const running = run().catch((error: unknown) => console.error(error))
  return {
    url: '',
    async stop() {
      stopping = true
      await running
      await boss.deleteQueue(queue)
      await boss.stop({ graceful: false })
      await pool.end()
    },
  }
}
