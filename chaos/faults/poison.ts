import { until } from '../../servers/testing.ts'
import type { Scene } from '../scenarios/scenario.ts'

const product = 'POISON'

/** From now on Postgres takes no order of this product. */
export async function forbidPoison({ stack }: Scene): Promise<void> {
  await stack.stores.pool.query(
    `ALTER TABLE orders ADD CONSTRAINT chaos_poison CHECK (product_name <> '${product}') NOT VALID`,
  )
}

/** One order is sent that cannot be persisted: it is parked within seconds, and a dry run says why. */
export async function sendPoison({ stack, load, say }: Scene): Promise<void> {
  const told = await load.place({ product_name: product })
  if (told?.status !== 202) throw new Error(`the poison was answered ${told?.status}`)
  const began = performance.now()
  const row = await until('the poison is parked', async () =>
    (await stack.stores.parked(0)).find(({ id }) => id === told.id),
  )
  say(`  parked within ${((performance.now() - began) / 1_000).toFixed(1)} s as ${row.code}: ${row.reason}`)
}

/** What an operator does: a dry run, which fails; the mend; a dry run, which passes; the replay. */
export async function mendPoison({ stack, say }: Scene): Promise<void> {
  const [row, more] = (await stack.stores.parked(0)).filter(({ state }) => state === 'PARKED')
  if (row === undefined || more !== undefined) throw new Error('one record has to be parked, no more')
  const call = async (what: string) => {
    const url = `${stack.apis[0]?.url}/api/admin/parked/${row.n}/${what}`
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
    const text = await answer.text()
    if (answer.status !== 200) throw new Error(`${what} is answered ${answer.status}: ${text}`)
    say(`  ${what}: ${text}`)
    return text
  }
  const before = await call('dry-run')
  await stack.stores.pool.query('ALTER TABLE orders DROP CONSTRAINT chaos_poison')
  if (before === (await call('dry-run'))) throw new Error('the dry run says the same before and after the mend')
  await call('replay')
  await until('the poison is persisted', async () => {
    const found = await stack.stores.pool.query('SELECT FROM orders WHERE id = $1', [row.id])
    return found.rowCount === 1
  })
}
