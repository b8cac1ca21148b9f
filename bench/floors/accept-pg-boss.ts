import { PgBoss } from 'pg-boss'
import { addresses } from '../stores.ts'
import { serveAccept } from './http.ts'
import type { Floor } from './index.ts'

const queue = 'bench-orders'

/** pg-boss: a job a request, in Postgres. */
export async function acceptPgBoss(): Promise<Floor> {
  const boss = new PgBoss({ connectionString: addresses().POSTGRES_DSN, max: 10, supervise: false, schedule: false })
  boss.on('error', () => undefined)
  await boss.start()
  await boss.createQueue(queue)
  const accept = async (id: string, body: object) => {
    await boss.send(queue, body, { id })
  }
  return serveAccept(accept, () => boss.stop({ graceful: false }))
}
