import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import { connect } from 'amqplib'
import t, { type Test } from 'tap'
import { bundle } from './bundle.ts'
import { type Batch, type Consumer, createConsumer, topologyOf } from './index.ts'
import { management } from './testing.ts'

const machine = environment()
const { env, namespace } = await corner(t, machine)
const url = env['RABBITMQ_URL'] ?? ''
const broker = management(machine['RABBITMQ_MANAGEMENT_URL'] ?? '')
const topology = topologyOf(['orders'], { namespace, lengthMax: 100_000 })
const queue = `${namespace}orders.persist`
const model = await connect(url)
t.teardown(() => model.close())
const channel = await model.createConfirmChannel()

let started = 0
interface Running {
  consumer: Consumer
  name: string
  next(): Promise<Batch>
}
interface Parts {
  prefetch?: number
  batchMax?: number
  batchWait_ms?: number
  mayTake?: (signal: AbortSignal) => Promise<void>
}
const start = async (
  t: Test,
  { prefetch = 200, batchMax = 50, batchWait_ms = 20, mayTake }: Parts = {},
): Promise<Running> => {
  const name = `${namespace}consumer${++started}`
  const onLost = () => undefined
  const consumer = createConsumer({
    urls: [url],
    name,
    topology,
    queue,
    prefetch,
    batchMax,
    batchWait_ms,
    onLost,
    ...(mayTake === undefined ? {} : { mayTake }),
  })
  const batches = consumer.batches()
  t.teardown(async () => {
    await consumer.close()
    await channel.purgeQueue(queue)
  })
  await consumer.ready
  return {
    consumer,
    name,
    async next() {
      const { value } = await batches.next()
      if (value === undefined) throw new Error('the consumer has ended')
      return value
    },
  }
}
/** Sends the numbers of a range as messages, and waits until the queue has them. */
const send = async (from: number, to: number) => {
  for (let number = from; number <= to; number += 1) channel.sendToQueue(queue, Buffer.from(String(number)), {})
  await channel.waitForConfirms()
}
/** Sends them in one message. */
const sendBundle = async (from: number, to: number) => {
  const messages = range(from, to).map((number) => ({
    exchange: '',
    routingKey: queue,
    body: Buffer.from(String(number)),
    properties: { messageId: `m${number}`, headers: {} },
  }))
  const { body, properties } = bundle(messages, from)
  channel.sendToQueue(queue, body, properties)
  await channel.waitForConfirms()
}
const numbers = (batch: Batch) => batch.deliveries.map(({ body }) => Number(body.toString()))
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at)
const takeAll = async (next: () => Promise<Batch>, count: number): Promise<Batch[]> => {
  const taken: Batch[] = []
  while (taken.reduce((sum, { deliveries }) => sum + deliveries.length, 0) < count) taken.push(await next())
  return taken
}
const waiting = async () => (await channel.checkQueue(queue)).messageCount

t.test(
  'what comes alone is handed over at once; what comes after it gathers, in full batches where there is enough, in the order of the queue',
  async (t) => {
    const { next } = await start(t, { batchMax: 50, batchWait_ms: 5_000 })
    await send(1, 1)
    const before = performance.now()
    t.same(numbers(await next()), [1])
    await send(2, 101)
    const [a, b] = [await next(), await next()]
    t.same([...numbers(a), ...numbers(b)], range(2, 101))
    t.same([a.deliveries.length, b.deliveries.length], [50, 50], 'the wait is long enough to fill them')
    t.ok(performance.now() - before < 5_000, 'what is full waits no longer, and neither does what comes alone')
  },
)

t.test('what comes right after a batch waits for company, and no longer than is said', async (t) => {
  const { next } = await start(t, { batchMax: 50, batchWait_ms: 200 })
  await send(1, 1)
  await next()
  const handed = performance.now()
  await send(2, 2)
  const second = next()
  await send(3, 4)
  t.same(numbers(await second), [2, 3, 4])
  const waited = performance.now() - handed
  t.ok(waited > 150, `${waited} ms`)
})

t.test(
  'what is settled is acked as far as there is no gap; all else comes again after a lost connection',
  async (t) => {
    const { next, name } = await start(t, { batchMax: 10, batchWait_ms: 1_000 })
    await send(0, 0)
    const alone = await next() // what comes after it gathers
    alone.settled(alone.deliveries)
    await send(1, 30)
    const [a, b, c] = [await next(), await next(), await next()]
    a.settled(a.deliveries)
    b.settled(b.deliveries.slice(0, 3))
    b.settled(b.deliveries.slice(4)) // 14 stays open
    c.settled(c.deliveries)
    t.notOk(c.signal.aborted)
    await broker.closeConnection(name)
    await until('the batches know that their channel is gone', () => c.signal.aborted)
    b.settled(b.deliveries) // too late: does nothing
    const again = await takeAll(next, 17)
    t.same(again.flatMap(numbers), range(14, 30), 'from the first that was not settled')
    t.ok(again.every(({ deliveries }) => deliveries.every(({ redelivered }) => redelivered)))
    for (const batch of again) batch.settled(batch.deliveries)
    await broker.closeConnection(name)
    await send(31, 31)
    t.same(numbers(await next()), [31], 'nothing that was acked comes again')
  },
)

t.test('after a redelivery batches start with one and double, so that what made us fail is soon alone', async (t) => {
  const { next, name } = await start(t, { batchMax: 100, batchWait_ms: 300 })
  await send(1, 150)
  await takeAll(next, 150)
  await broker.closeConnection(name)
  const again = await takeAll(next, 150)
  t.same(again.flatMap(numbers), range(1, 150))
  t.same(
    again.map(({ deliveries }) => deliveries.length),
    [1, 2, 4, 8, 16, 32, 64, 23],
  )
})

t.test('of a bundle each message is delivered by itself, and it is acked with the last of them', async (t) => {
  const { next, name } = await start(t, { batchMax: 3, batchWait_ms: 100 })
  await sendBundle(1, 7)
  await send(8, 9)
  const batches = await takeAll(next, 9)
  t.same(batches.map(numbers), [
    [1, 2, 3],
    [4, 5, 6],
    [7, 8, 9],
  ])
  const all = batches.flatMap(({ deliveries }) => deliveries)
  t.same(
    all.map(({ properties }) => properties.messageId),
    range(1, 9).map((number) => (number > 7 ? undefined : `m${number}`)),
  )
  const [first] = batches
  first?.settled(all.filter((_, at) => at !== 2))
  first?.settled(all.slice(0, 2)) // once more: that is nothing new
  await broker.closeConnection(name)
  const again = await takeAll(next, 9)
  t.same(again.map(numbers), [...range(1, 7).map((number) => [number]), [8, 9]], 'each of the first alone')
  t.ok(again.every(({ deliveries }) => deliveries.every(({ redelivered }) => redelivered)))
  for (const batch of again.slice(0, 7)) batch.settled(batch.deliveries)
  await broker.closeConnection(name)
  t.same((await takeAll(next, 2)).map(numbers), [[8], [9]], 'what is done with does not come again')
})

t.test('what says that it is a bundle and cannot be read as one is delivered as it came', async (t) => {
  const { next } = await start(t)
  const headers = { messages: 3 }
  channel.sendToQueue(queue, Buffer.from('7'), { type: 'ordermill.bundle', headers })
  await send(8, 9)
  t.same((await takeAll(next, 3)).flatMap(numbers), [7, 8, 9])
})

t.test('a queue that was deleted is declared again, and what is sent to it then arrives', async (t) => {
  const { next, consumer } = await start(t)
  await send(1, 1)
  const lost = await next()
  await broker.deleteQueue(queue)
  await until('the loss is noticed', () => lost.signal.aborted)
  await until('the consumer is back', () => consumer.connected())
  lost.settled(lost.deliveries)
  await send(2, 3)
  t.same((await takeAll(next, 2)).flatMap(numbers), [2, 3])
})

t.test('a stopped consumer hands over nothing more, and what was not settled goes back to the queue', async (t) => {
  const { consumer, next } = await start(t, { batchMax: 5, batchWait_ms: 20 })
  await send(1, 12)
  const first = await next()
  first.settled(first.deliveries)
  consumer.stop()
  await t.rejects(next(), { message: 'the consumer has ended' })
  await Promise.all([consumer.close(), consumer.close()])
  await until('the rest is back in the queue', async () => (await waiting()) === 12 - first.deliveries.length)
})

t.test('of two consumers one is handed everything, and the other takes over when it ends', async (t) => {
  const active = await start(t)
  await send(1, 20)
  const taken = await takeAll(active.next, 20)
  const standby = await start(t)
  taken.at(0)?.settled(taken.flatMap(({ deliveries }) => deliveries).slice(0, 10))
  await active.consumer.close()
  t.same((await takeAll(standby.next, 10)).flatMap(numbers), range(11, 20))
})

t.test('a consumer that stops keeps its place until it ends: who stands by gets what was in hand first', async (t) => {
  const active = await start(t)
  await send(1, 5)
  await takeAll(active.next, 5)
  const standby = await start(t)
  const handed = takeAll(standby.next, 10)
  active.consumer.stop()
  await send(6, 10)
  await waiting() // the broker has dealt with all that was asked of it
  await active.consumer.close()
  t.same((await handed).flatMap(numbers), range(1, 10))
})

t.test('what is given back is taken by who stands by, and by us once there is somewhere to put it', async (t) => {
  let open = Promise.resolve()
  const active = await start(t, { mayTake: () => open })
  await send(1, 20)
  const held = await takeAll(active.next, 20)
  const [first] = held
  const second = active.next()
  const { promise: opened, resolve: letGo } = Promise.withResolvers<void>()
  open = opened
  first?.settled(held.flatMap(({ deliveries }) => deliveries).slice(0, 5))
  first?.giveBack()
  t.equal(first?.signal.aborted, true)
  first?.settled(first.deliveries) // too late: does nothing
  const standby = await start(t)
  const taken = await takeAll(standby.next, 15)
  t.same(taken.flatMap(numbers), range(6, 20))
  for (const batch of taken) batch.settled(batch.deliveries)
  await standby.consumer.close()
  await send(21, 21)
  t.ok(active.consumer.connected())
  t.equal(await waiting(), 1, 'nobody takes it')
  letGo()
  t.same(numbers(await second), [21])
})

t.test('of consumers that stand by the one that gets the deliveries knows it by the first one', async (t) => {
  const first = await start(t)
  t.equal(first.consumer.active(), false)
  const second = await start(t)
  await send(1, 1)
  await takeAll(first.next, 1)
  t.same([first.consumer.active(), second.consumer.active()], [true, false])
  await first.consumer.close()
  await takeAll(second.next, 1)
  t.same([first.consumer.active(), second.consumer.active()], [false, true])
})

t.test('when no more can come before something is acked, a batch waits for no company', async (t) => {
  const { next } = await start(t, { prefetch: 20, batchMax: 50, batchWait_ms: 60_000 })
  await send(1, 1)
  const first = await next()
  t.same(numbers(first), [1], 'what comes alone goes at once')
  await send(2, 45)
  const second = await next()
  t.same(numbers(second), range(2, 20), 'all that may be in hand')
  second.settled(second.deliveries)
  first.settled(first.deliveries)
  const third = await next()
  t.same(numbers(third), range(21, 40))
  third.settled(third.deliveries)
})
