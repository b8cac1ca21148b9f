import { keepConnected } from './connection.ts'

/** What a worker says of a message it was asked to answer: a word, and what belongs to it. */
export interface Reply {
  /** The messageId that is answered. */
  messageId: string
  outcome: string
}

/** Answers of workers, on a queue of this process's own that goes away with it. A hint, never the truth: ask Postgres. */
export interface Replies {
  /** Where answers go; undefined while the broker is away. */
  address(): string | undefined
  /** Resolves with the answer to a message, or undefined after `deadline_ms` or when the answers were lost. */
  wait(messageId: string, deadline_ms: number): Promise<Reply | undefined>
  close(): Promise<void>
}

/** Most messages that may be waited for at once; more are answered by Postgres alone. */
const waitersMax = 10_000

export function createReplies({
  urls,
  name,
  onLost,
}: {
  urls: string[]
  name: string
  onLost(error: Error): void
}): Replies {
  let queue: string | undefined
  const waiters = new Map<string, Set<(reply: Reply | undefined) => void>>()
  const tell = (messageId: string, reply: Reply | undefined) => {
    for (const waiter of waiters.get(messageId) ?? []) waiter(reply)
  }
  const connection = keepConnected({
    urls,
    name,
    async setup(model) {
      const channel = await model.createChannel()
      channel.on('error', () => undefined) // 'close' follows
      channel.on('close', () => {
        queue = undefined
        model.close().catch(() => undefined)
      })
      const asserted = await channel.assertQueue('', { exclusive: true, autoDelete: true })
      await channel.consume(
        asserted.queue,
        (message) => {
          if (message === null) return void channel.close().catch(() => undefined)
          const { correlationId: messageId, type: outcome } = message.properties as {
            correlationId?: unknown
            type?: unknown
          }
          if (typeof messageId === 'string' && typeof outcome === 'string') tell(messageId, { messageId, outcome })
        },
        { noAck: true },
      )
      queue = asserted.queue
    },
    onLost(error) {
      queue = undefined
      for (const messageId of [...waiters.keys()]) tell(messageId, undefined)
      onLost(error)
    },
  })
  return {
    address: () => queue,
    wait(messageId, deadline_ms) {
      if (waiters.size >= waitersMax) return new Promise((resolve) => setTimeout(resolve, deadline_ms, undefined))
      return new Promise((resolve) => {
        const done = (reply: Reply | undefined) => {
          clearTimeout(timer)
          const others = waiters.get(messageId)
          others?.delete(done)
          if (others?.size === 0) waiters.delete(messageId)
          resolve(reply)
        }
        const timer = setTimeout(done, deadline_ms, undefined)
        const others = waiters.get(messageId)
        if (others === undefined) waiters.set(messageId, new Set([done]))
        else others.add(done)
      })
    },
    close: () => connection.close(),
  }
}

/** The answer to a message that asks for one; undefined if it does not. Sent to a queue that may be gone: nobody minds. */
export function replyTo(properties: { replyTo?: unknown; messageId?: unknown }, outcome: string) {
  const { replyTo: routingKey, messageId } = properties
  if (typeof routingKey !== 'string' || routingKey === '' || typeof messageId !== 'string') return undefined
  return {
    exchange: '',
    routingKey,
    body: Buffer.alloc(0),
    properties: { messageId: `reply:${messageId}`, correlationId: messageId, type: outcome },
  }
}
