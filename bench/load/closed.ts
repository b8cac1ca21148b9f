import { HttpConnection } from '@ordermill/servers/http-connection'
import { latencyOf } from '../statistics.ts'
import type { LoadJob, LoadProgress, LoadResult } from './jobs.ts'
import { requestsOf } from './requests.ts'

type Closed = Extract<LoadJob, { kind: 'closed' }>

/** A connection that breaks is tried again no more often than this, so that a server that is gone is not hammered. */
const patience_ms = 50

/** So many connections, each sending its next request when the one before was answered. */
export async function closedLoad(job: Closed, progress: LoadProgress): Promise<LoadResult> {
  const next = requestsOf(job.requests, job.url)
  const latencies: number[] = []
  const statuses: Record<number, number> = {}
  let failed = 0
  const started = performance.now()
  const end = started + job.seconds * 1_000
  const last = started + job.seconds * 8_000
  const isOver = (now: number) => now >= end && (latencies.length >= (job.least ?? 0) || now >= last)
  const [name, value] = job.header?.split(': ') ?? []
  const one = (connection: HttpConnection) =>
    new Promise<void>((resolve) => {
      const send = () => {
        const sent = performance.now()
        if (isOver(sent)) {
          connection.close()
          resolve()
          return
        }
        connection.send(next(), (received) => {
          const { status } = received
          const isFine = (status >= 200 && status < 300) || status === 304
          if (isFine && (name === undefined || received.header(name) === value)) {
            latencies.push(performance.now() - sent)
            progress.count += 1
            send()
            return
          }
          failed += 1
          statuses[status] = (statuses[status] ?? 0) + 1
          if (status === 0) setTimeout(send, patience_ms)
          else send()
        })
      }
      send()
    })
  const urls = [job.url, ...(job.others ?? [])]
  const connections = Array.from(
    { length: job.connections },
    (_, at) => new HttpConnection(urls[at % urls.length] as string),
  )
  await Promise.all(connections.map(one))
  const seconds = (performance.now() - started) / 1_000
  return { count: latencies.length, failed, statuses, seconds, latency: latencyOf(latencies) }
}
