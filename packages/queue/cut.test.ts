import { once } from 'node:events'
import { connect as connectTo, createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t, { type Test } from 'tap'
import { createConsumer, createPublisher, createReplies, topologyOf } from './index.ts'

const { env, namespace } = await corner(t, environment())
const broker = new URL(env['RABBITMQ_URL'] ?? '')
const topology = topologyOf(['orders'], { namespace, lengthMax: 100_000 })

/** A method as it stands in a frame: class and method, as AMQP 0-9-1 numbers them. */
const bytesOf = ([type = 0, method = 0]: number[]): Buffer => Buffer.from([0, type, 0, method])

/** What a broker says that shuts down: `connection.close`, 320. */
const closing = (() => {
  const text = Buffer.from('CONNECTION_FORCED')
  const payload = Buffer.from([...bytesOf([10, 50]), 320 >> 8, 320 & 255, text.length, ...text, 0, 0, 0, 0])
  const size = Buffer.alloc(4)
  size.writeUInt32BE(payload.length)
  return Buffer.from([1, 0, 0, ...size, ...payload, 0xce])
})()

/**
 * The way to the broker, which ends a connection once. `asked`: it is cut as a client says this, before the broker has heard it.
 * `answered`: the broker says this, and in the same breath that it shuts down.
 */
async function endingAt(t: Test, when: 'asked' | 'answered', method: number[]) {
  const text = bytesOf(method)
  let hasEnded = false
  const proxy = createServer((near) => {
    const far = connectTo(Number(broker.port), broker.hostname)
    const end = () => {
      near.destroy()
      far.destroy()
    }
    const isTheOne = (now: typeof when, bytes: Buffer) => {
      const itIs = !hasEnded && now === when && bytes.includes(text)
      hasEnded ||= itIs
      return itIs
    }
    for (const socket of [near, far]) socket.on('error', end).on('close', end)
    far.on('data', (bytes) => {
      if (isTheOne('answered', bytes)) near.end(Buffer.concat([bytes, closing]))
      else near.write(bytes)
    })
    near.on('data', (bytes) => {
      if (isTheOne('asked', bytes)) end()
      else far.write(bytes)
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
  return { url: url.href, hasEnded: () => hasEnded }
}

/** What is said while a connection is set up. */
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
  'connection.open-ok': [10, 41],
  'channel.open-ok': [20, 11],
  'queue.declare-ok': [50, 11],
  'channel.close-ok': [20, 41],
  'basic.qos-ok': [60, 11],
  'basic.consume-ok': [60, 21],
  'confirm.select-ok': [85, 11],
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
const isAnswer = (name: string) => name !== 'connection.start-ok' && name.endsWith('-ok')
const said: Record<keyof typeof kinds, string[]> = {
  consumer: Object.keys(methods).filter((name) => !name.startsWith('confirm.')),
  publisher: Object.keys(methods).filter((name) => !name.startsWith('basic.')),
  replies: Object.keys(methods).filter((name) => !/^(exchange|confirm)|bind|qos|channel.close/.test(name)),
}

for (const [kind, start] of Object.entries(kinds))
  for (const method of said[kind as keyof typeof kinds]) {
    const when = isAnswer(method) ? 'answered' : 'asked'
    t.test(`a ${kind} whose connection ends at ${method} is back on another one`, async (t) => {
      const { url, hasEnded } = await endingAt(t, when, methods[method] ?? [])
      const { isBack, close } = start(url)
      t.teardown(close)
      await until('it has ended', hasEnded)
      await setTimeout(500) // longer than it takes to hear of it
      await until('it is back', isBack)
    })
  }
