import { once } from 'node:events'
import { connect as connectTo, createServer } from 'node:net'
import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t, { type Test } from 'tap'
import { createConsumer, createPublisher, createReplies, topologyOf } from './index.ts'

const { env, namespace } = await corner(t, environment())
const broker = new URL(env['RABBITMQ_URL'] ?? '')
const topology = topologyOf(['orders'], { namespace, lengthMax: 100_000 })

/** The way to the broker; the first connection on which a client sends this method is cut, before the broker has seen it. */
async function cuttingAt(t: Test, method: number[]): Promise<{ url: string; cut(): boolean }> {
  const text = Buffer.from([0, method[0] ?? 0, 0, method[1] ?? 0])
  let isCut = false
  const proxy = createServer((near) => {
    const far = connectTo(Number(broker.port), broker.hostname)
    const end = () => {
      near.destroy()
      far.destroy()
    }
    for (const socket of [near, far]) socket.on('error', end).on('close', end)
    far.pipe(near)
    near.on('data', (bytes) => {
      if (isCut || !bytes.includes(text)) return void far.write(bytes)
      isCut = true
      end()
    })
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  const url = new URL(broker.href)
  url.port = String(address.port)
  url.hostname = '127.0.0.1'
  t.teardown(() => {
    proxy.close()
  })
  return { url: url.href, cut: () => isCut }
}

/** Class and method, as AMQP 0-9-1 numbers them, of what is said while a connection is set up. */
const methods: Record<string, number[]> = {
  'connection.start-ok': [10, 11],
  'connection.open': [10, 40],
  'channel.open': [20, 10],
  'exchange.declare': [40, 10],
  'queue.declare': [50, 10],
  'queue.bind': [50, 20],
  'channel.close': [20, 40],
  'basic.qos': [60, 10],
  'basic.consume': [60, 20],
  'confirm.select': [85, 10],
}
const kinds = {
  consumer: (url: string) => {
    const more = { prefetch: 1, batchMax: 1, batchWait_ms: 0, onLost: () => undefined }
    const consumer = createConsumer({ urls: [url], name: 'cut', topology, queue: `${namespace}orders.bulk`, ...more })
    return { isBack: () => consumer.connected(), close: () => consumer.close() }
  },
  publisher: (url: string) => {
    const more = { window: 10, timeout_ms: 5_000, onLost: () => undefined }
    const publisher = createPublisher({ urls: [url], name: 'cut', topology, ...more })
    return { isBack: () => publisher.state() === 'ready', close: () => publisher.stop(1_000) }
  },
  replies: (url: string) => {
    const replies = createReplies({ urls: [url], name: 'cut', onLost: () => undefined })
    return { isBack: () => replies.address() !== undefined, close: () => replies.close() }
  },
}
const said: Record<keyof typeof kinds, string[]> = {
  consumer: Object.keys(methods).filter((name) => name !== 'confirm.select'),
  publisher: Object.keys(methods).filter((name) => !name.startsWith('basic.')),
  replies: ['connection.start-ok', 'connection.open', 'channel.open', 'queue.declare', 'basic.consume'],
}

for (const [kind, start] of Object.entries(kinds))
  for (const method of said[kind as keyof typeof kinds])
    t.test(`a ${kind} whose connection is cut at ${method} is back on another one`, async (t) => {
      const { url, cut } = await cuttingAt(t, methods[method] ?? [])
      const { isBack, close } = start(url)
      t.teardown(close)
      await until('it is cut, and back', () => cut() && isBack())
    })
