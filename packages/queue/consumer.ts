import type { Channel, ChannelModel, ConsumeMessage, MessageProperties } from 'amqplib'
import { bundled, countOf } from './bundle.ts'
import { keepConnected } from './connection.ts'
import { createPrefix, type Prefix } from './prefix.ts'
import { declare, type Topology } from './topology.ts'

/** One message in hand, not yet acked. */
export interface Delivery {
  body: Buffer
  properties: MessageProperties
  /** It was handed out before, to somebody who did not ack it. */
  redelivered: boolean
  tag: number
  /** Of a message that came in a bundle: those of it that are still in hand. With the last one all of it is settled. */
  bundle?: Set<Delivery>
}

/** Deliveries of one channel, in the order of the queue. */
export interface Batch {
  deliveries: Delivery[]
  /** Aborted when the channel is gone: the broker will hand these deliveries out again. */
  signal: AbortSignal
  /** These are done with: acked as soon as all before them are too. Does nothing once the channel is gone. */
  settled(deliveries: Delivery[]): void
  /** All that is in hand of this channel goes back to the queue; more is taken as after a connect. Does nothing once the channel is gone. */
  giveBack(): void
}

export interface Consumer {
  /** Resolves at the first connection. @throws TopologyMismatch */
  ready: Promise<void>
  connected(): boolean
  /**
   * Some deliveries have come since the last connect: of consumers of which one gets them all we are the one, and stay it. Who wants
   * to know sends something harmless; the broker does not tell (of a single active consumer it counts nothing but that one).
   */
  active(): boolean
  /** Batches as they come, until `stop()`. For one reader. */
  batches(): AsyncGenerator<Batch, void>
  /**
   * Hands over no more. It keeps its place until it is closed: whoever came next would be handed later messages beside those that are
   * still in hand, and a version before the one that it was built on.
   */
  stop(): void
  /** Closes the connection, the last step: what was not settled goes back to the queue. */
  close(): Promise<void>
}

interface ConsumerParts {
  urls: string[]
  name: string
  topology: Topology
  queue: string
  /** Most deliveries in hand. */
  prefetch: number
  /** Most deliveries in one batch. */
  batchMax: number
  /**
   * How long after the one before it a batch that is not full is handed over at the earliest, in milliseconds: what comes alone
   * goes at once, and what comes thick gathers. Where as many are in hand as may be, nothing waits for more.
   */
  batchWait_ms: number
  /** Awaited before deliveries are asked for: resolves when there is somewhere to put them, or `signal` aborts. */
  mayTake?(signal: AbortSignal): Promise<void>
  onLost(error: Error): void
}

/** After a redelivery batches start at this size and double: what made us fail is soon alone, first in hand. */
const smallBatch = 1

/** A broker that hangs answers no close: then the last acks are lost, and what they covered comes again. */
const closeMax_ms = 1_000

interface Session {
  channel: Channel
  prefix: Prefix
  /** As they came, bundles whole: what is in hand for long is better few large objects than many small ones. */
  waiting: Delivery[]
  /** How many messages those are. */
  count: number
  /** The tags of the last delivery that came, and of the last one that was acked. */
  came: number
  acked: number
  /** When a batch was handed over last. */
  handedAt: number
  sizeMax: number
  /** The last delivery was a redelivery: the run of them started small already. */
  redelivering: boolean
  gone: AbortController
  /** Deliveries came. */
  took: boolean
  /** We closed the channel ourselves, so that all in hand goes back. */
  givenBack: boolean
}

/** A consumer on a connection of its own. */
export function createConsumer(parts: ConsumerParts): Consumer {
  const { queue, prefetch, batchMax, batchWait_ms, onLost } = parts
  let session: Session | undefined
  let stopped = false
  let closing: Promise<void> | undefined
  let wake = () => {}

  const lose = (lost: Session | undefined) => {
    if (lost === undefined || session !== lost) return
    session = undefined
    lost.waiting = []
    lost.count = 0
    lost.gone.abort()
    wake()
  }
  const open = async (model: ChannelModel): Promise<void> => {
    const channel = await model.createChannel()
    const fresh: Session = {
      channel,
      prefix: createPrefix(),
      waiting: [],
      count: 0,
      came: 0,
      acked: 0,
      handedAt: Number.NEGATIVE_INFINITY,
      sizeMax: batchMax,
      redelivering: false,
      gone: new AbortController(),
      took: false,
      givenBack: false,
    }
    channel.on('error', () => undefined) // 'close' follows
    channel.on('close', () => {
      lose(fresh)
      if (closing !== undefined) return
      // A channel is not recovered by itself: its connection is.
      const again = fresh.givenBack ? open(model) : model.close()
      again.catch(() => model.close()).catch(() => undefined)
    })
    await channel.prefetch(prefetch)
    session = fresh
    consume(fresh).catch(() => channel.close().catch(() => undefined)) // start over
  }
  const consume = async (fresh: Session): Promise<void> => {
    await parts.mayTake?.(fresh.gone.signal)
    if (stopped || fresh.gone.signal.aborted) return
    await fresh.channel.consume(
      queue,
      (message) => {
        if (message === null)
          fresh.channel.close().catch(() => undefined) // the queue was deleted: start over
        else take(fresh, message)
      },
      { consumerTag: parts.name },
    )
  }
  const giveBack = (from: Session) => {
    if (from.gone.signal.aborted) return
    from.givenBack = true
    lose(from)
    from.channel.close().catch(() => undefined)
  }
  const connection = keepConnected({
    urls: parts.urls,
    name: parts.name,
    async setup(model) {
      await declare(model, parts.topology)
      await open(model)
    },
    onLost(error) {
      lose(session)
      onLost(error)
    },
  })

  const take = (to: Session, message: ConsumeMessage) => {
    const { deliveryTag: tag, redelivered } = message.fields
    to.took = true
    if (stopped) return
    if (redelivered && !to.redelivering) to.sizeMax = Math.min(to.sizeMax, smallBatch)
    to.redelivering = redelivered
    to.waiting.push({ body: message.content, properties: message.properties, redelivered, tag })
    to.count += countOf(message.properties)
    to.came = tag
    if (to.waiting.length === 1 || isFull(to)) wake()
  }
  /** Nothing is gained by waiting: there is enough for a batch, or no more comes before something is acked. */
  const isFull = ({ count, sizeMax, came, acked }: Session) =>
    count >= sizeMax || (count > 0 && came - acked >= prefetch)
  const wakeUp = (wait_ms: number | undefined) =>
    new Promise<void>((resolve) => {
      const timer = wait_ms === undefined ? undefined : setTimeout(resolve, wait_ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  const end = async () => {
    const last = session
    lose(session)
    // The channel first: its last acks are still in its buffer, and the close of the connection would overtake them.
    await Promise.race([last?.channel.close().catch(() => undefined), patience(closeMax_ms)])
    await connection.close()
  }

  return {
    ready: connection.ready,
    connected: () => session !== undefined,
    active: () => session?.took ?? false,
    async *batches() {
      while (!stopped) {
        const from = session
        const waiting = from?.count ?? 0
        const wait_ms =
          from === undefined || waiting === 0 ? undefined : from.handedAt + batchWait_ms - performance.now()
        if (from === undefined || (!isFull(from) && (wait_ms === undefined || wait_ms > 0))) {
          await wakeUp(wait_ms)
          continue
        }
        const deliveries = takeOut(from)
        from.handedAt = performance.now()
        if (!isWithinFirst(from, deliveries)) from.sizeMax = Math.min(batchMax, from.sizeMax * 2)
        yield {
          deliveries,
          signal: from.gone.signal,
          settled(done) {
            if (from.gone.signal.aborted) return
            const upTo = from.prefix.settle(done.filter(isLastOfBundle).map(({ tag }) => tag))
            if (upTo === 0) return
            from.acked = upTo
            from.channel.ack({ fields: { deliveryTag: upTo } } as ConsumeMessage, true)
          },
          giveBack: () => giveBack(from),
        }
      }
    },
    stop() {
      stopped = true
      wake()
    },
    close() {
      stopped = true
      closing ??= end()
      return closing
    },
  }
}

/** The next deliveries for a batch; what a bundle brings beyond that stays, and is first of the next one. */
function takeOut(from: Session): Delivery[] {
  const deliveries: Delivery[] = []
  let taken = 0
  for (let next = from.waiting[0]; next !== undefined && deliveries.length < from.sizeMax; next = from.waiting[taken]) {
    deliveries.push(...unbundled(next))
    from.count -= next.bundle === undefined ? countOf(next.properties) : 1
    taken += 1
  }
  const rest = deliveries.splice(from.sizeMax)
  from.waiting.splice(0, taken, ...rest)
  from.count += rest.length
  return deliveries
}

/**
 * Whether the bundle that came again first goes on: of that each message is handed over alone. It is acked as a whole, so that what makes
 * us fail, and has others of it before it, would never be the first in hand.
 */
function isWithinFirst({ sizeMax, waiting }: Session, [last]: Delivery[]): boolean {
  return sizeMax === smallBatch && last?.bundle !== undefined && waiting[0]?.bundle === last.bundle
}

/** The messages of a bundle, each as a delivery; any other delivery as it is, also where it says that it is a bundle and is not. */
function unbundled(delivery: Delivery): Delivery[] {
  const messages = delivery.bundle === undefined ? bundled(delivery) : undefined
  if (messages === undefined) return [delivery]
  const { redelivered, tag } = delivery
  const bundle = new Set<Delivery>()
  for (const { body, properties } of messages) bundle.add({ body, properties, redelivered, tag, bundle })
  return [...bundle]
}

/** Whether with this one all is done with that came by its tag. */
const isLastOfBundle = (done: Delivery): boolean =>
  done.bundle === undefined || (done.bundle.delete(done) && done.bundle.size === 0)

const patience = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref())
