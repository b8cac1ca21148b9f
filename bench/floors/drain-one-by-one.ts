import { Client } from '@elastic/elasticsearch'
import { orders } from '@ordermill/model'
import { topologyOf } from '@ordermill/queue'
import { indexDefinition } from '@ordermill/search'
import { connect } from 'amqplib'
import pg from 'pg'
import { addresses, floorNames } from '../stores.ts'
import type { Floor } from './index.ts'
import { insertOne, valuesOf } from './upsert.ts'

/** The common shape of such a worker: one message in hand, one INSERT, one index call (where there is an engine), one ack. */
export async function drainOneByOne(): Promise<Floor> {
  const { POSTGRES_DSN, RABBITMQ_URL, ELASTICSEARCH_URL } = addresses()
  const pool = new pg.Pool({ connectionString: POSTGRES_DSN, max: 1 })
  const engine = ELASTICSEARCH_URL.length === 0 ? undefined : new Client({ nodes: ELASTICSEARCH_URL })
  const connection = await connect(RABBITMQ_URL[0] ?? '')
  const channel = await connection.createChannel()
  const [queue] = topologyOf([orders.name], { namespace: floorNames.namespace, lengthMax: 1 }).collections
  const { index } = floorNames
  const { settings, mappings } = indexDefinition(orders, '')
  if (engine !== undefined && !(await engine.indices.exists({ index })))
    await engine.indices.create({ index, settings, mappings })
  await channel.prefetch(1)
  await channel.consume(queue?.persist ?? '', async (message) => {
    if (message === null) return
    const order = JSON.parse(message.content.toString()) as Record<string, unknown>
    await pool.query({ name: 'insert', text: insertOne, values: valuesOf(order) })
    await engine?.index({ index, id: String(order['id']), document: order })
    channel.ack(message)
  })
  return {
    url: '',
    async stop() {
      await connection.close()
      await pool.end()
      await engine?.close()
    },
  }
}
