import { fillTable } from '../fill.ts'
import type { Requests } from '../load/jobs.ts'
import { orderBodies, versionsOf } from '../orders.ts'
import type { Sample } from '../results.ts'
import type { Running, Stage } from '../stage.ts'
import type { Case, OpenRow, Row } from './case.ts'

const connections = 50
/** So many records are read in turn, where reading one twice changes nothing. */
const cached = 500

interface Reading {
  service: 'api' | 'floor'
  running: Running
  /** Makes what is read, before every measurement; gives the requests. */
  prepare(): Promise<Requests>
}

async function opened(stage: Stage, { service, running, prepare }: Reading): Promise<OpenRow> {
  const { url } = running
  const { warmup_seconds, warmups } = stage.settings
  const warmUp = { kind: 'closed' as const, url, connections, seconds: warmup_seconds, least: warmups }
  await stage.load({ ...warmUp, requests: await prepare() })
  return {
    async measure(): Promise<Sample> {
      const requests = await prepare()
      const meter = stage.meter({ [service]: running })
      const { count, failed, seconds, latency } = await stage.load({
        kind: 'closed',
        url,
        requests,
        connections,
        seconds: stage.settings.seconds,
      })
      const used = meter.stop(count)
      return { rate: count / seconds, p50_ms: latency.p50, p99_ms: latency.p99, failed, ...used }
    },
    close: () => running.stop(),
  }
}

export const gets = (ids: string[], etags?: string[]): Requests => ({
  kind: 'gets',
  paths: ids.map((id) => `/api/orders/${id}`),
  ...(etags === undefined ? {} : { etags }),
})

/** Reads rows once through the API, so that they are cached; gives their ids and entity tags. */
export async function cachedRows(stage: Stage, url: string): Promise<{ ids: string[]; etags: string[] }> {
  const ids = await fillTable(stage.stores.dsn, cached)
  const etags: string[] = []
  for (const id of ids) {
    const answer = await fetch(`${url}/api/orders/${id}`)
    if (answer.status !== 200) throw new Error(`GET of a stored order answers ${answer.status}: ${await answer.text()}`)
    await answer.arrayBuffer()
    etags.push(answer.headers.get('etag') ?? '')
  }
  return { ids, etags }
}

const floor: Row = {
  id: 'read/floor',
  title: 'floor: bare Fastify, Redis GET',
  kind: 'floor',
  async open(stage) {
    const ids: string[] = []
    for (const { id, text } of versionsOf(orderBodies(), cached)) {
      await stage.stores.redis.set(`floor:read:${id}`, text)
      ids.push(id)
    }
    return opened(stage, { service: 'floor', running: await stage.floor('read/floor'), prepare: async () => gets(ids) })
  },
}
const fromCache = (name: string, title: string, conditional: boolean): Row => ({
  id: `read/${name}`,
  title,
  kind: 'product',
  async open(stage) {
    const running = await stage.service('api', { search: false })
    const { ids, etags } = await cachedRows(stage, running.url)
    const requests = conditional ? gets(ids, etags) : gets(ids)
    return opened(stage, { service: 'api', running, prepare: async () => requests })
  },
})
const miss: Row = {
  id: 'read/miss',
  title: 'Ordermill, miss: Postgres, then cached',
  kind: 'product',
  open: async (stage) =>
    opened(stage, {
      service: 'api',
      running: await stage.service('api', { search: false }),
      prepare: async () => gets(await fillTable(stage.stores.dsn, stage.settings.missed)),
    }),
}

/** Single orders read. */
export const read: Case = {
  name: 'read',
  title: `Read one order, ${connections} connections`,
  servers: ['postgres', 'redis', 'rabbitmq'],
  rounds: ({ rounds }) => rounds,
  rows: [floor, fromCache('hit', 'Ordermill, hit', false), fromCache('not-modified', 'Ordermill, 304', true), miss],
}
