import type { Command, Redis } from 'ioredis'

/** What ioredis keeps of commands that are not answered yet, oldest first: on the wire, and waiting for a connection. */
interface Queues {
  commandQueue: Queue
  offlineQueue: Queue
}
interface Queue {
  length: number
  peekAt(at: number): { command: Waiting } | undefined
  peekBack(): { command: Waiting } | undefined
}
type Waiting = Command & { isSettled: boolean }

/** So often in the time that a command may take it is looked what is there. */
const looks = 10

/**
 * Fails commands that were not answered for `timeout_ms`, or up to a tenth more. As ioredis's `commandTimeout`, which has a timer for
 * each command: without them a read from the cache costs the API a twelfth less. What was last in a queue one time ago and still is
 * there has waited for so long, and so has all before it.
 */
export function expireCommands(redis: Redis, timeout_ms: number): void {
  const queues = redis as unknown as Queues
  const expire = [
    createExpiry(() => queues.commandQueue, timeout_ms),
    createExpiry(() => queues.offlineQueue, timeout_ms),
  ]
  const timer = setInterval(() => {
    for (const look of expire) look()
  }, timeout_ms / looks).unref()
  redis.once('end', () => clearInterval(timer))
}

function createExpiry(queueOf: () => Queue, timeout_ms: number): () => void {
  const marks: { last: Waiting; at: number }[] = []
  return () => {
    const now = performance.now()
    const queue = queueOf()
    let late: Waiting | undefined
    for (let [mark] = marks; mark !== undefined && now - mark.at >= timeout_ms; [mark] = marks) {
      if (!mark.last.isSettled) late = mark.last
      marks.shift()
    }
    if (late !== undefined) for (const command of upTo(late, queue)) command.reject(new Error('Command timed out'))
    const last = queue.peekBack()?.command
    if (last !== undefined) marks.push({ last, at: now })
  }
}

/** What is not settled of a queue up to a command; that one alone if it has left the queue, as one does that finds its connection. */
function upTo(last: Waiting, queue: Queue): Waiting[] {
  const waiting: Waiting[] = []
  for (let at = 0; at < queue.length; at += 1) {
    const command = queue.peekAt(at)?.command
    if (command?.isSettled === false) waiting.push(command)
    if (command === last) return waiting
  }
  return [last]
}
