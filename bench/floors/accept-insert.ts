import pg from 'pg'
import { addresses, floorNames } from '../stores.ts'
import { serveAccept } from './http.ts'
import type { Floor } from './index.ts'

/** No cache and no queue: one INSERT a request, by a pool of the product's size. */
export async function acceptInsert(): Promise<Floor> {
  const pool = new pg.Pool({ connectionString: addresses().POSTGRES_DSN, max: 10 })
  const text = `INSERT INTO ${floorNames.inserts} (id, body) VALUES ($1, $2)`
  const accept = async (id: string, body: object) => {
    await pool.query({ name: 'insert', text, values: [id, JSON.stringify(body)] })
  }
  return serveAccept(accept, () => pool.end())
}
