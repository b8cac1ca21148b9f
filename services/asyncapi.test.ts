import { environment } from '@ordermill/config'
import { collections } from '@ordermill/model'
import { bundled, createPublisher, topologyOf } from '@ordermill/queue'
import { asyncapiDocument } from '@ordermill/queue/asyncapi'
import { corner, until } from '@ordermill/servers/testing'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { type ConsumeMessage, connect } from 'amqplib'
import t, { type Test } from 'tap'
import { patch, post, remove, startTestApi, startTestWorker } from './testing.ts'

interface Message {
  headers: object
  payload: object
  'x-properties': object
}
interface Queue {
  name: string
  durable: boolean
  'x-arguments': Record<string, unknown>
  'x-bound-to'?: { exchange: string; routingKey: string }
}
interface Document {
  channels: Record<string, { bindings: { amqp: { queue?: Queue; exchange?: { name: string; type: string } } } }>
  components: { messages: Record<string, Message> }
}

const machine = environment()
const { env, namespace } = await corner(t, machine)
const topology = topologyOf(
  collections.map(({ name }) => name),
  { namespace, lengthMax: 200_000 },
)
const document = asyncapiDocument(collections, topology) as unknown as Document
const { url } = await startTestApi(t, { ...env, QUEUE_LENGTH_MAX: '200000' })
const broker = await connect(env['RABBITMQ_URL'] ?? '')
t.teardown(() => broker.close())
const channel = await broker.createChannel()

const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats.default(ajv)

/** What of a message is not as the document says. */
function faultsOf(name: string, { content, properties }: Pick<ConsumeMessage, 'content' | 'properties'>): string[] {
  const message = document.components.messages[name]
  if (message === undefined) return [`no message is called ${name}`]
  const { headers = {}, ...rest } = properties
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  const text = content.toString()
  const isJson = given['contentType'] === 'application/json'
  const parts: [string, object, unknown][] = [
    ['headers', message.headers, headers],
    ['properties', message['x-properties'], given],
    ['payload', message.payload, isJson ? JSON.parse(text) : text],
  ]
  return parts.flatMap(([part, schema, value]) => {
    const check = ajv.compile({ ...schema })
    check(value)
    return (check.errors ?? []).map(({ instancePath, message }) => `${part}${instancePath} ${message}`)
  })
}

interface Reading {
  next(id: string): Promise<ConsumeMessage>
  all(): ConsumeMessage[]
  leave(): Promise<unknown>
}

/** Takes what a queue has, from now on: `next` waits for the message with this id, `leave` leaves the rest to others. */
async function read(queue: string): Promise<Reading> {
  const taken: ConsumeMessage[] = []
  const take = (message: ConsumeMessage | null) => void (message !== null && taken.push(message))
  const { consumerTag } = await channel.consume(queue, take, { noAck: true, priority: 1 }) // before the worker
  return {
    // A message may come twice, and then late: ids tell them apart.
    next: (id) => until(`${id} in ${queue}`, () => taken.find(({ properties }) => properties.messageId === id)),
    all: () => taken,
    leave: () => channel.cancel(consumerTag),
  }
}
const [queues] = topology.collections
if (queues === undefined) throw new Error('there are no queues')
const persist = await read(queues.persist)
const bulks = await read(queues.bulk)

t.test('the queues of the document are those on the broker, with these arguments and bindings', async (t) => {
  const management = new URL(machine['RABBITMQ_MANAGEMENT_URL'] ?? '')
  const authorization = `Basic ${Buffer.from(`${management.username}:${management.password}`).toString('base64')}`
  const ask = async (path: string): Promise<Record<string, unknown>[]> =>
    (await fetch(`${management.origin}/api/${path}`, { headers: { authorization } })).json() as Promise<
      Record<string, unknown>[]
    >
  const queues = Object.values(document.channels).flatMap(({ bindings }) => bindings.amqp.queue ?? [])
  const declared = queues.filter(({ name }) => name !== '')
  const standing = (await ask('queues/%2F')).filter(({ name }) => String(name).startsWith(namespace))
  t.same(
    declared.map(({ name, durable, 'x-arguments': args }) => ({ name, durable, arguments: args })).toSorted(byName),
    standing.map(({ name, durable, arguments: args }) => ({ name, durable, arguments: args })).toSorted(byName),
  )
  t.equal(declared.length, 3)
  for (const { name, 'x-bound-to': bound } of declared) {
    const bindings = await ask(`queues/%2F/${encodeURIComponent(name)}/bindings`)
    const fromExchange = bindings
      .filter(({ source }) => source !== '')
      .map(({ source, routing_key }) => ({ source, routing_key }))
    t.same(fromExchange, bound === undefined ? [] : [{ source: bound.exchange, routing_key: bound.routingKey }], name)
  }
  const exchanges = Object.values(document.channels).flatMap(({ bindings }) => bindings.amqp.exchange ?? [])
  for (const { name, type } of exchanges)
    t.match(await ask(`exchanges/%2F/${encodeURIComponent(name)}`), { type, durable: true })
  t.equal(exchanges.length, 3)
})

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const headers = { traceparent, 'x-correlation-id': 'abc' }

t.test('every kind of record message, as the API sends it, is what the document says', async (t) => {
  const created = await post(`${url}/api/orders`, { product_name: 'LANTERN', amount: 1 }, headers)
  const id = String(created.body['order_id'])
  const first = await persist.next(`${id}:1`)
  t.same(faultsOf('orders.record', first), [])
  t.match(first.properties, { correlationId: 'abc', headers: { id, version: 1, deleted: false, traceparent } })

  const one = `${url}/api/orders/${id}`
  const keyed = { 'content-type': 'application/json', 'idempotency-key': 'a' }
  t.equal((await fetch(one, { method: 'PATCH', headers: keyed, body: '{"quantity":3}' })).status, 202)
  const second = await persist.next(`${id}:2`)
  t.same(faultsOf('orders.record', second), [])
  t.equal(second.properties.headers?.['parent'], first.properties.headers?.['hash'])
  t.type(second.properties.headers?.['keys'], 'string')

  t.equal((await fetch(`${one}?wait=persisted&wait_ms=0`, { method: 'DELETE' })).status, 202)
  const third = await persist.next(`${id}:3`)
  t.same(faultsOf('orders.record', third), [])
  t.match(third.properties, { replyTo: /./, headers: { deleted: true } })
})

t.test(
  'what comes together goes as one message, which is what the document says, and so is each of its own',
  async (t) => {
    const place = () => post(`${url}/api/orders`, { product_name: 'LANTERN', amount: 1 }, headers)
    const isBundle = ({ properties }: ConsumeMessage) => properties.type === 'ordermill.bundle'
    const message = await until('some came together', async () => {
      await Promise.all(Array.from({ length: 20 }, place))
      return persist.all().find(isBundle)
    })
    t.same(faultsOf('orders.bundle', message), [])
    const found = bundled({ body: message.content, properties: message.properties }) ?? []
    t.equal(found.length, message.properties.headers?.['messages'])
    for (const { body, properties } of found)
      t.same(faultsOf('orders.record', { content: body, properties: { ...properties, deliveryMode: 2 } }), [])
    t.match(found[0]?.properties, { correlationId: 'abc', headers: { traceparent } })
  },
)

t.test('a bulk, as the API sends it, is what the document says', async (t) => {
  const bulk = await post(`${url}/api/bulk-orders?wait_ms=0`, { item_1: 'LANTERN', item_2: 'CAKESTAND' }, headers)
  const message = await bulks.next(String(bulk.body['bulk_id']))
  t.same(faultsOf('orders.bulk', message), [])
  t.match(message.properties, { correlationId: 'abc', headers: { traceparent } })
})

t.test('a message that is not what the document says is told', async (t) => {
  const good = { messageId: 'x', type: 'orders.v1', contentType: 'application/json', timestamp: 1, deliveryMode: 2 }
  const bad = { content: Buffer.from('{}'), properties: { ...good, headers: { id: 'x' } } }
  const said = faultsOf('orders.record', bad as unknown as ConsumeMessage).join()
  t.match(said, /headers must have required property 'version'/)
  t.match(said, /properties\/messageId must match pattern/)
  t.match(said, /payload must have required property/)
})

t.test('answers, changes and parked messages, as the worker sends them, are what the document says', async (t) => {
  const { queue: replyTo } = await channel.assertQueue('', { exclusive: true })
  const [replies, parking] = await Promise.all([read(replyTo), read(queues.parked)])
  const order = await post(`${url}/api/orders`, { product_name: 'LANTERN', amount: 1 })
  const id = `${String(order.body['order_id'])}:1`
  const { content, properties } = await persist.next(id)
  await Promise.all([persist.leave(), bulks.leave()]) // the worker takes over
  await startTestWorker(t, { ...env, QUEUE_LENGTH_MAX: '200000' })
  const urls = [env['RABBITMQ_URL'] ?? '']
  const publisher = createPublisher({ urls, name: 'test', topology, window: 10, timeout_ms: 5_000, onLost: () => {} })
  t.teardown(() => publisher.stop(0))
  await publisher.ready
  const send = (body: Buffer, more: object) => {
    const { headers, messageId, type, contentType, timestamp } = properties as unknown as Record<string, string>
    const kept = { messageId: String(messageId), type, contentType, timestamp, headers, replyTo, ...more }
    const known = Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined))
    return publisher.publish({
      exchange: topology.exchange,
      routingKey: queues.name,
      body,
      properties: { messageId: String(messageId), ...known },
    })
  }
  await send(content, {})
  const persisted = await replies.next(`reply:${id}`)
  t.match(persisted.properties, { type: 'persisted', correlationId: id })
  t.same(faultsOf('reply', persisted), [])

  await changesToldTo(t)

  await send(Buffer.from('{"broken'), {
    messageId: 'broken',
    headers: { note: 'none of ours' },
    contentType: undefined,
  })
  const parked = await parking.next('broken')
  t.equal(parked.content.toString(), '{"broken')
  t.match(parked.properties.headers, { note: 'none of ours', 'parked-code': 'unreadable' })
  t.same(faultsOf('orders.parked', parked), [])
  const answer = await replies.next('reply:broken')
  t.match(answer.properties, { type: 'parked', correlationId: 'broken' })
  t.same(faultsOf('reply', answer), [])
})

/** Changes that the worker tells to others, as they are heard. */
async function changesToldTo(t: Test): Promise<void> {
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(queue, topology.changes, 'orders.changed')
  const told: ConsumeMessage[] = []
  await channel.consume(queue, (message) => void (message !== null && told.push(message)), { noAck: true })
  const created = await post(`${url}/api/orders?wait=persisted`, { product_name: 'LANTERN', amount: 1 })
  const one = `${url}/api/orders/${String(created.body['order_id'])}`
  const next = (version: number) =>
    until(`version ${version} is told`, () =>
      told.find(({ content }) => {
        const change = JSON.parse(content.toString()) as { id: string; version: number }
        return one.endsWith(change.id) && change.version === version
      }),
    )
  await next(1)
  await patch(`${one}?wait=persisted`, { quantity: 3, customer_id: 'ann' })
  await next(2)
  await remove(`${one}?wait=persisted`)
  await next(3)
  for (const message of told) {
    t.same(faultsOf('orders.change', message), [])
    t.match(message.fields, { exchange: topology.changes, routingKey: 'orders.changed' })
  }
}

const byName = (a: { name?: unknown }, b: { name?: unknown }): number => (String(a.name) < String(b.name) ? -1 : 1)
