import { environment } from '@ordermill/config'
import { newId } from '@ordermill/model'
import { firstOrder, orderChain } from '@ordermill/model/testing'
import { corner } from '@ordermill/servers/testing'
import type { ChannelModel, ConfirmChannel, ConsumeMessage } from 'amqplib'
import t from 'tap'
import { bundled } from './bundle.ts'
import { keepConnected } from './connection.ts'
import { recordMessage } from './message.ts'
import type { OutgoingMessage } from './publisher.ts'
import { sender } from './sending.ts'

const { env, namespace } = await corner(t, environment())

interface Inside {
  ch: number
  connection: { channels: { buffer: { write(frames: Buffer): unknown } }[]; frameMax: number }
}

/** A channel and a queue of its own; `written` are the frames that it sends from now on, joined. */
async function opened() {
  const { promise, resolve } = Promise.withResolvers<ChannelModel>()
  const urls = [env['RABBITMQ_URL'] ?? '']
  const setup = async (model: ChannelModel) => resolve(model)
  const connection = keepConnected({ urls, name: `${namespace}sending`, setup, onLost: () => undefined })
  t.teardown(() => connection.close())
  const channel = await (await promise).createConfirmChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const { connection: inside, ch } = channel as unknown as Inside
  const { buffer } = inside.channels[ch] ?? {}
  if (buffer === undefined) throw new Error('amqplib is not as we know it')
  const frames: Buffer[] = []
  const write = buffer.write.bind(buffer)
  buffer.write = (some) => {
    frames.push(some)
    return write(some)
  }
  return { channel, queue, inside, frames }
}

type Send = (message: OutgoingMessage, confirmed: (error: unknown) => void) => void
const plain =
  (channel: ConfirmChannel): Send =>
  ({ exchange, routingKey, body, properties, mandatory = true }, confirmed) =>
    channel.publish(exchange, routingKey, body, { ...properties, persistent: true, mandatory }, confirmed)

const confirm = (send: Send, message: OutgoingMessage) =>
  new Promise<void>((resolve, reject) => send(message, (error) => (error == null ? resolve() : reject(error))))

/** Messages of all kinds that there are: to a queue by its name. */
function messages(queue: string): OutgoingMessage[] {
  const envelope = { exchange: '', collection: queue, type: 'orders.v1' }
  const [first, second, third] = orderChain()
  const keys = [{ key: newId(), fingerprint: 'f', version: 1 }]
  const versions = [first, second, third, { ...third, deleted: true, keys, epoch: 'mfa8s1x2k-0a1b' }]
  const bare = { exchange: '', routingKey: queue, body: Buffer.from('{}') }
  return [
    ...versions.map((version) => recordMessage(version, envelope)),
    recordMessage(first, { ...envelope, correlationId: 'c-1', traceparent: '00-ab-cd-01', replyTo: 'amq.reply' }),
    recordMessage(firstOrder({ product_name: 'Grüße, 你好 🫖' }), { ...envelope, correlationId: 'ö'.repeat(120) }),
    { ...bare, properties: { messageId: 'm' }, mandatory: false },
    { ...bare, properties: { messageId: '', headers: {}, timestamp: 2 ** 33 + 7 } },
    ...[0, 1, 127, 128, 32_767, 32_768, 2 ** 31 - 1].map((version) => ({
      ...bare,
      properties: { messageId: 'm', headers: { version, no: undefined, yes: true } },
    })),
    { ...bare, body: Buffer.alloc(100_000, 'x'), properties: { messageId: 'large' } },
  ]
}
/** Those that are left to amqplib. */
const foreign = (queue: string): OutgoingMessage[] => {
  const bare = { exchange: '', routingKey: queue, body: Buffer.from('{}') }
  return [
    { ...bare, body: Buffer.alloc(0), properties: { messageId: 'empty' } },
    { ...bare, body: Buffer.alloc(200_000, 'x'), properties: { messageId: 'several frames' } },
    { ...bare, properties: { messageId: 'm', expiration: '60000' } },
    { ...bare, properties: { messageId: 'm', headers: { list: [1, 'a'], half: 0.5, none: null, less: -1 } } },
    { ...bare, properties: { messageId: 'm', headers: { long: 'x'.repeat(3_000) } } },
  ]
}

t.test('each message goes out by the same bytes as amqplib makes of it, and is confirmed', async (t) => {
  const { channel, queue, inside, frames } = await opened()
  t.ok(inside.frameMax > 100_000)
  const { send } = sender(channel)
  for (const message of [...messages(queue), ...foreign(queue)]) {
    const sent: Buffer[] = []
    for (const by of [plain(channel), send]) {
      frames.length = 0
      await confirm(by, message)
      sent.push(Buffer.concat(frames))
    }
    t.ok(sent[0]?.equals(sent[1] ?? Buffer.alloc(0)), JSON.stringify(message.properties))
  }
})

t.test(
  'what is published in one turn is handed over at once, in order, with what is left to amqplib between',
  async (t) => {
    const { channel, queue, frames } = await opened()
    const { send } = sender(channel)
    const got: string[] = []
    let bundles = 0
    await channel.consume(queue, (message: ConsumeMessage | null) => {
      if (message === null) return
      const { content: body, properties } = message
      const inBundle = bundled({ body, properties })
      if (inBundle !== undefined) bundles += 1
      for (const one of inBundle ?? [message]) got.push(String(one.properties.messageId))
    })
    const [known, unknown] = [messages(queue), foreign(queue)].map((all) =>
      all.map((one, at) => ({ ...one, properties: { ...one.properties, messageId: `${all.length}-${at}` } })),
    ) as [OutgoingMessage[], OutgoingMessage[]]
    frames.length = 0
    await Promise.all(known.map((message) => confirm(send, message)))
    t.equal(frames.length, 1)
    const mixed = known.flatMap((message, at) => [message, unknown[at] ?? message])
    await Promise.all(mixed.map((message) => confirm(send, message)))
    const sent = [...known, ...mixed].map(({ properties }) => properties.messageId)
    for (let tries = 0; got.length < sent.length && tries < 200; tries += 1)
      await new Promise((go) => setTimeout(go, 10))
    t.same(got, sent)
    t.ok(bundles > 0)
  },
)

t.test('a message that cannot be encoded fails, and all others of its turn are confirmed', async (t) => {
  const { channel, queue } = await opened()
  const { send } = sender(channel)
  const [first, second] = messages(queue)
  if (first === undefined || second === undefined) throw new Error('no messages')
  const impossible = {
    ...first,
    joins: false,
    properties: { ...first.properties, contentType: 5 as unknown as string },
  }
  const outcomes = await Promise.allSettled([first, impossible, second].map((message) => confirm(send, message)))
  t.same(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
})

t.test(
  'on a channel that is closed nothing is published, nor while it closes, and what was on its way to it fails',
  async (t) => {
    const { channel, queue, frames } = await opened()
    const { send } = sender(channel)
    const [message] = messages(queue)
    if (message === undefined) throw new Error('no message')
    const last = confirm(send, message)
    const closed = channel.close()
    frames.length = 0
    t.throws(() => send(message, () => undefined), /closed/)
    await t.rejects(last, 'the channel began to close before its frames were handed over')
    await closed
    t.throws(() => send(message, () => undefined), /closed/)
    t.same(frames, [])
  },
)

t.test('what comes alone goes at once; few that come little later wait, and go together', async (t) => {
  const { channel, queue, frames } = await opened()
  const { send } = sender(channel)
  const [message] = messages(queue)
  if (message === undefined) throw new Error('no message')
  const several = (count: number) => Array.from({ length: count }, () => confirm(send, { ...message, joins: true }))
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  frames.length = 0
  const first = several(1)
  await turn()
  t.equal(frames.length, 1, 'nothing went before it')
  const second = several(1)
  await turn()
  const third = several(2)
  await turn()
  t.equal(frames.length, 1, 'something has just gone before them')
  await Promise.all([...first, ...second, ...third])
  t.equal(frames.length, 2, 'all that came meanwhile')
  const full = several(16)
  await turn()
  t.equal(frames.length, 3, 'as many as go together wait for no others')
  await Promise.all(full)
})

t.test('behind what may not travel with others nobody waits, and order holds; nor where it is asked for', async (t) => {
  const { channel, queue, frames } = await opened()
  const { send, flush } = sender(channel)
  const [message] = messages(queue)
  if (message === undefined) throw new Error('no message')
  const numbered = (n: number, joins: boolean) =>
    confirm(send, { ...message, joins, properties: { ...message.properties, messageId: `m${n}` } })
  const got: string[] = []
  await channel.consume(queue, (one: ConsumeMessage | null) => one && got.push(String(one.properties.messageId)))
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  frames.length = 0
  const sent = [numbered(1, true)]
  await turn()
  sent.push(numbered(2, true))
  await turn()
  t.equal(frames.length, 1)
  sent.push(numbered(3, false))
  await turn()
  t.equal(frames.length, 2)
  sent.push(numbered(4, true))
  await turn()
  flush()
  t.equal(frames.length, 3)
  await Promise.all(sent)
  for (let tries = 0; got.length < 4 && tries < 200; tries += 1) await new Promise((go) => setTimeout(go, 10))
  t.same(got, ['m1', 'm2', 'm3', 'm4'])
})

t.test('who waits for company when the channel closes is told', async (t) => {
  const { channel, queue } = await opened()
  const { send } = sender(channel)
  const [message] = messages(queue)
  if (message === undefined) throw new Error('no message')
  await confirm(send, { ...message, joins: true })
  const late = [1, 2].map(() => confirm(send, { ...message, joins: true }))
  await new Promise((resolve) => process.nextTick(resolve))
  await Promise.all([channel.close(), t.rejects(late[0] as Promise<unknown>), t.rejects(late[1] as Promise<unknown>)])
})
