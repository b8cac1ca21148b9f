import type { Requests } from '../load/jobs.ts'
import { delayOf } from '../metrics.ts'
import type { Sample } from '../results.ts'
import type { Running, Stage } from '../stage.ts'
import type { Case, OpenRow, Row } from './case.ts'

const connections = 50

/** A row under a closed load of POSTs. `service`: what is metered and called so. */
async function opened(
  stage: Stage,
  service: string,
  running: Running,
  requests: Requests,
  others: Running[] = [],
): Promise<OpenRow> {
  const { url } = running
  const load = { kind: 'closed' as const, url, others: others.map((one) => one.url), requests, connections }
  const { warmup_seconds, warmups } = stage.settings
  await stage.load({ ...load, seconds: warmup_seconds, least: warmups * (1 + others.length) })
  await stage.stores.clear()
  return {
    async measure(): Promise<Sample> {
      const delay = service === 'api' ? await delayOf(url) : undefined
      const second = Object.fromEntries(others.map((one, at) => [`${service}${at + 2}`, one]))
      const meter = stage.meter({ [service]: running, ...second })
      const { count, failed, statuses, seconds, latency } = await stage.load({
        ...load,
        seconds: stage.settings.seconds,
      })
      const used = meter.stop(count)
      if (count === 0) throw new Error(`nothing was accepted: ${JSON.stringify(statuses)}`)
      if (failed > 0) stage.say(`  ${failed} of ${failed + count} failed: ${JSON.stringify(statuses)}`)
      const late = await delay?.()
      await stage.stores.clear()
      return { rate: count / seconds, p50_ms: latency.p50, p99_ms: latency.p99, failed, ...used, ...late }
    },
    async close() {
      await Promise.all([running, ...others].map((one) => one.stop()))
    },
  }
}

const plain: Requests = { kind: 'orders', keyed: false }
const beside = (name: string, title: string, kind: Row['kind']): Row => ({
  id: `accept/${name}`,
  title,
  kind,
  open: async (stage) => opened(stage, 'floor', await stage.floor(`accept/${name}`), plain),
})
const product = (name: string, title: string, requests: Requests): Row => ({
  id: `accept/${name}`,
  title,
  kind: 'product',
  open: async (stage) => opened(stage, 'api', await stage.service('api', { search: false }), requests),
})

const two: Row = {
  id: 'accept/two',
  title: 'Ordermill, two API processes',
  kind: 'product',
  async open(stage) {
    const [one, other] = await Promise.all([1, 2].map(() => stage.service('api', { search: false })))
    if (one === undefined || other === undefined) throw new Error('two services were started')
    return opened(stage, 'api', one, plain, [other])
  },
}

/** Orders accepted a second; nobody takes them from the queue meanwhile. */
export const accept: Case = {
  name: 'accept',
  title: `Accept, ${connections} connections, worker stopped`,
  servers: ['postgres', 'redis', 'rabbitmq'],
  rounds: ({ rounds }) => rounds,
  rows: [
    beside('bare', 'bare Fastify, same schema: keeps nothing', 'limit'),
    beside('floor', 'floor: script on Redis, confirmed publish', 'floor'),
    { ...beside('core', 'the same by Ordermill’s cache and publisher', 'limit'), long: true },
    product('ordermill', 'Ordermill', plain),
    product('keyed', 'Ordermill, Idempotency-Key', { kind: 'orders', keyed: true }),
    two,
    beside('insert', 'one Postgres INSERT a request', 'alternative'),
    beside('unconfirmed', 'SET, unconfirmed publish to a classic queue', 'alternative'),
    beside('bullmq', 'BullMQ add', 'alternative'),
    beside('pg-boss', 'pg-boss send', 'alternative'),
  ],
}
