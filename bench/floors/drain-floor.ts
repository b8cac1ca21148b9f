import { orders } from '@ordermill/model'
import { topologyOf } from '@ordermill/queue'
import { type ConsumeMessage, connect } from 'amqplib'
import pg from 'pg'
import { addresses, floorNames } from '../stores.ts'
import type { Floor } from './index.ts'
import { upsertBatch } from './upsert.ts'

/** As the product's defaults. */
const [prefetch, batchMax, batchWait_ms] = [1_000, 500, 10]

/**
 * The least that anybody does who takes a queue to a table in batches: a raw consumer, one jsonb upsert a batch, one ack for all of
 * it; the next batch gathers while one commits. Nothing is checked, locked, settled, parked or tried again.
 */
export async function drainFloor(): Promise<Floor> {
  const { POSTGRES_DSN, RABBITMQ_URL } = addresses()
  const pool = new pg.Pool({ connectionString: POSTGRES_DSN, max: 1 })
  const connection = await connect(RABBITMQ_URL[0] ?? '')
  const channel = await connection.createChannel()
  const [queue] = topologyOf([orders.name], { namespace: floorNames.namespace, lengthMax: 1 }).collections
  let waiting: ConsumeMessage[] = []
  let writing = false
  let timer: NodeJS.Timeout | undefined
  const write = async () => {
    clearTimeout(timer)
    timer = undefined
    writing = true
    const batch = waiting.splice(0, batchMax)
    await pool.query({
      name: 'upsert',
      text: upsertBatch,
      values: [`[${batch.map(({ content }) => content.toString()).join()}]`],
    })
    const last = batch.at(-1)
    if (last !== undefined) channel.ack(last, true)
    writing = false
    if (waiting.length > 0) consider()
  }
  const consider = () => {
    if (writing) return
    if (waiting.length >= batchMax) void write()
    else timer ??= setTimeout(() => (writing ? undefined : write()), batchWait_ms)
  }
  await channel.prefetch(prefetch)
  await channel.consume(queue?.persist ?? '', (message) => {
    if (message === null) return
    waiting.push(message)
    consider()
  })
  return {
    url: '',
    async stop() {
      waiting = []
      await connection.close()
      await pool.end()
    },
  }
}
