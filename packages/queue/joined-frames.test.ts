import type { Duplex } from 'node:stream'
import { environment } from '@ordermill/config'
import { corner } from '@ordermill/servers/testing'
import type { ChannelModel } from 'amqplib'
import t from 'tap'
import { keepConnected } from './connection.ts'

t.test('what is published in one turn goes to the broker in one write, and all of it is confirmed', async (t) => {
  const { env, namespace } = await corner(t, environment())
  const { promise, resolve } = Promise.withResolvers<ChannelModel>()
  const urls = [env['RABBITMQ_URL'] ?? '']
  const setup = async (model: ChannelModel) => resolve(model)
  const connection = keepConnected({ urls, name: `${namespace}joined`, setup, onLost: () => undefined })
  t.teardown(() => connection.close())
  const model = await promise
  const channel = await model.createConfirmChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const { stream } = (model as unknown as { connection: { stream: Duplex } }).connection
  let writes = 0
  for (const name of ['_write', '_writev'] as const) {
    const write = (stream[name] as (...args: unknown[]) => void).bind(stream)
    const counted = (...args: unknown[]) => {
      writes += 1
      write(...args)
    }
    Object.assign(stream, { [name]: counted })
  }
  const publish = () =>
    new Promise<void>((resolve, reject) => {
      channel.sendToQueue(queue, Buffer.from('x'), {}, (error: unknown) => (error == null ? resolve() : reject(error)))
    })
  await Promise.all(Array.from({ length: 50 }, publish))
  t.equal(writes, 1)
})
