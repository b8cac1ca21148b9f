import { Client } from 'pg'
import { destroy } from './lending.ts'

/** What others tell with NOTIFY. A hint, never the truth: what is told while this is not connected is lost. */
export interface Listener {
  /**
   * Calls `heard` with what is told, until what it gives is called; with undefined once it is connected (again), since something may have
   * been told before. Connects for the first one.
   */
  listen(heard: (message: string | undefined) => void): () => void
  stop(): Promise<void>
}

interface ListenerParts {
  dsn: string
  name: string
  channel: string
  onLost(error: Error): void
}

/** How long Postgres may take for what it is asked here, to end the connection included, in milliseconds. */
const patience_ms = 5_000

/** Pauses between attempts to connect, in milliseconds: the last one goes on. */
const pauses_ms = [100, 500, 2_000, 5_000]

/** Listens on a connection of its own, which is made anew when it is lost, as long as somebody listens. */
export function createListener({ dsn, name, channel, onLost }: ListenerParts): Listener {
  const listeners = new Set<(message: string | undefined) => void>()
  let client: Client | undefined
  let retry: NodeJS.Timeout | undefined
  let failures = 0
  let stopped = false

  const connect = () => {
    if (client !== undefined || stopped) return
    const made = new Client({
      connectionString: dsn,
      application_name: name,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      connectionTimeoutMillis: patience_ms,
      query_timeout: patience_ms,
    })
    client = made
    const lost = (error: Error) => {
      if (client !== made) return
      client = undefined
      destroy(made)
      if (stopped) return
      onLost(error)
      if (listeners.size === 0) return
      retry = setTimeout(connect, pauses_ms[Math.min(failures, pauses_ms.length - 1)])
      failures += 1
    }
    made.on('error', lost)
    made.on('end', () => lost(new Error('the connection ended')))
    made.on('notification', ({ payload = '' }) => {
      for (const heard of listeners) heard(payload)
    })
    made
      .connect()
      .then(() => made.query(`LISTEN ${channel}`))
      .then(() => {
        failures = 0
        for (const heard of listeners) heard(undefined)
      }, lost)
  }
  return {
    listen(heard) {
      listeners.add(heard)
      connect()
      return () => void listeners.delete(heard)
    },
    async stop() {
      stopped = true
      clearTimeout(retry)
      const open = client
      client = undefined
      if (open === undefined) return
      const late = setTimeout(() => destroy(open), patience_ms) // a network may have lost it
      await open.end().catch(() => undefined)
      clearTimeout(late)
    },
  }
}
