import { setTimeout as sleep } from 'node:timers/promises'
import { HttpConnection } from '@ordermill/servers/http-connection'
import { latencyOf } from '../statistics.ts'
import { watchArrivals } from './arrivals.ts'
import type { LoadJob, LoadProgress, LoadResult } from './jobs.ts'
import { requestsOf } from './requests.ts'

type Constant = Extract<LoadJob, { kind: 'constant' }>

/** Connections are opened as they are needed, up to so many; what is due then waits, and its time runs. */
const connectionsMax = 512
/** What was asked is waited for so long after the load has ended. */
const patience_ms = 10_000

/** Requests at a constant rate, whether those before were answered or not. */
export async function constantLoad(job: Constant, progress: LoadProgress): Promise<LoadResult> {
  const next = requestsOf(job.requests, job.url)
  const watch = job.arrivals === undefined ? undefined : watchArrivals(job.arrivals)
  const every = job.arrivals === undefined ? 0 : Math.max(1, Math.round(job.rate / job.arrivals.per_second))
  const latencies: number[] = []
  const statuses: Record<number, number> = {}
  const idle: HttpConnection[] = []
  const all: HttpConnection[] = []
  const waiting: number[] = [] // the moments at which those were due that no connection was free for
  let [failed, sent, open] = [0, 0, 0]

  const start = (due: number, connection: HttpConnection) => {
    open += 1
    const number = sent++
    connection.send(next(), (received) => {
      const { status } = received
      open -= 1
      const now = performance.now()
      if ((status >= 200 && status < 300) || status === 304) {
        latencies.push(now - due)
        progress.count += 1
        if (watch !== undefined && number % every === 0) watch.follow(idOf(received.body()), due)
      } else {
        failed += 1
        statuses[status] = (statuses[status] ?? 0) + 1
      }
      const late = waiting.shift()
      if (late === undefined) idle.push(connection)
      else start(late, connection)
    })
  }
  const issue = (due: number) => {
    const connection = idle.pop() ?? (all.length < connectionsMax ? opened() : undefined)
    if (connection === undefined) waiting.push(due)
    else start(due, connection)
  }
  const opened = () => {
    const connection = new HttpConnection(job.url)
    all.push(connection)
    return connection
  }

  const started = performance.now()
  const total = Math.round(job.rate * job.seconds)
  for (let issued = 0; issued < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - started) / 1_000) * job.rate))
    while (issued < due) issue(started + (issued++ / job.rate) * 1_000)
    await sleep(1)
  }
  const seconds = (performance.now() - started) / 1_000
  for (const until = performance.now() + patience_ms; open + waiting.length > 0 && performance.now() < until; )
    await sleep(5)
  const arrived = await watch?.end()
  for (const connection of all) connection.close()
  failed += open + waiting.length // those never answered
  return { count: latencies.length, failed, statuses, seconds, latency: latencyOf(latencies), ...arrived }
}

const idOf = (body: string): string => String((JSON.parse(body) as { order_id?: unknown }).order_id)
