import { connect } from 'amqplib'
import { Redis } from 'ioredis'
import { addresses, floorNames } from '../stores.ts'
import { serveAccept } from './http.ts'
import type { Floor } from './index.ts'

/**
 * The common shape of such a pair: SET, then a publish to a classic queue that nobody confirms. What the broker had not taken when
 * it went away is lost, and the cache reads back orders that were never queued.
 */
export async function acceptUnconfirmed(): Promise<Floor> {
  const { REDIS_ADDR, RABBITMQ_URL } = addresses()
  const redis = new Redis(REDIS_ADDR[0] ?? '')
  const connection = await connect(RABBITMQ_URL[0] ?? '')
  const channel = await connection.createChannel()
  await channel.assertQueue(floorNames.unconfirmed, { durable: true })
  const accept = async (id: string, body: object) => {
    const text = JSON.stringify({ id, version: 1, status: 'placed', ...body })
    await redis.set(`floor:order:${id}`, text, 'EX', 86_400)
    channel.sendToQueue(floorNames.unconfirmed, Buffer.from(text), { persistent: true })
  }
  return serveAccept(accept, async () => {
    redis.disconnect()
    await connection.close()
  })
}
