import { until } from '../../servers/testing.ts'
import type { Scene } from '../scenarios/scenario.ts'
import { operate, standingParked, untilParked } from './parked.ts'

const product = 'POISON'
/** A worker that was started with the killer of the worker's tests dies of this product, as if its driver had crashed. */
const deadly = 'KILLER'
const killer = new URL('../../services/worker/testing-killer.ts', import.meta.url)
export const withKiller = { worker: { NODE_OPTIONS: `--import ${killer.href}` } }
/** As many records as one batch may have. */
const batchMax = 500
const atOnce = 50
/** Longest until one bad record is parked. */
const parkedWithin_s = 15

/** From now on Postgres takes no order of this product. */
export async function forbidPoison({ stack }: Scene): Promise<void> {
  await stack.stores.pool.query(
    `ALTER TABLE orders ADD CONSTRAINT chaos_poison CHECK (product_name <> '${product}') NOT VALID`,
  )
}

/** One order is sent that cannot be persisted: it is parked within seconds, and a dry run says why. */
export async function sendPoison(scene: Scene): Promise<void> {
  await parkedSoon(scene, await place(scene, product))
}

/** One order that cannot be persisted comes in the middle of a whole batch of others. */
export async function sendPoisonAmongMany(scene: Scene): Promise<void> {
  const { workers } = scene.stack
  for (const worker of workers) await worker.process.kill('SIGSTOP')
  let poison: string | undefined
  try {
    for (let placed = 0; placed < batchMax; placed += atOnce) {
      const products = Array.from({ length: atOnce }, (_, at) => (placed + at === batchMax / 2 ? product : 'LANTERN'))
      const ids = await Promise.all(products.map((name) => place(scene, name)))
      poison = ids[products.indexOf(product)] ?? poison
    }
  } finally {
    for (const worker of workers) await worker.process.kill('SIGCONT')
  }
  await parkedSoon(scene, poison)
}

/** One order kills every worker that takes it up: it is parked, and no other one with it. */
export async function sendDeadly(scene: Scene): Promise<void> {
  const { stack, say, wait } = scene
  const id = await place(scene, deadly)
  let deaths = 0
  await until(
    'the deadly order is parked',
    async () => {
      for (const { process: worker } of stack.workers.filter((one) => one.process.pid === undefined)) {
        deaths += 1
        await worker.start()
      }
      await wait(0.1)
      return (await standingParked(scene)).some((row) => row.id === id)
    },
    120_000,
  )
  say(`  parked after ${deaths} workers had died of it`)
}

/** Places an order of a product; gives its id. @throws Error if it is not accepted */
async function place({ load }: Scene, product_name: string): Promise<string> {
  const told = await load.place({ product_name })
  if (told?.status !== 202 || told.id === undefined) throw new Error(`${product_name} was answered ${told?.status}`)
  return told.id
}

async function parkedSoon(scene: Scene, id: string | undefined): Promise<void> {
  const began = performance.now()
  const row = await untilParked(scene, id)
  const seconds = (performance.now() - began) / 1_000
  scene.say(`  parked within ${seconds.toFixed(1)} s as ${row.code}: ${row.reason}`)
  if (seconds > parkedWithin_s) throw new Error(`it was parked only after ${seconds.toFixed(1)} s`)
}

/** What an operator does: a dry run, which fails; the mend; a dry run, which passes; the replay. */
export async function mendPoison(scene: Scene): Promise<void> {
  const { stack, say } = scene
  const [row, more] = await standingParked(scene)
  if (row === undefined || more !== undefined) throw new Error('one record has to be parked, no more')
  const call = async (what: string) => {
    const text = await operate(scene, `${row.n}/${what}`)
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
