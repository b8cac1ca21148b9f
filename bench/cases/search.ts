import { orders, type Query } from '@ordermill/model'
import { createSearcher, type EngineClient, readQuery, simpleQuery } from '@ordermill/search'
import type { PlainRequest } from '../load/jobs.ts'
import type { Sample } from '../results.ts'
import { fillSearched } from '../search-fill.ts'
import { type NamedSearch, searches } from '../searches.ts'
import type { Running, Stage } from '../stage.ts'
import { latencyOf, quantile } from '../statistics.ts'
import type { Case, OpenRow, Row } from './case.ts'

const connections = 20
/** Searches after which engines and processes are warm: by then what they run most is compiled, and compiled again. */
const warmups = 10_000

/** As a client of the API asks it. */
export const requestOf = ({ q, query }: NamedSearch): PlainRequest =>
  q === undefined
    ? { path: '/api/orders/query', body: JSON.stringify(query) }
    : { path: `/api/search?q=${encodeURIComponent(q)}` }

/** The same as the API asks it of the engine: its own searcher says what it would send. */
async function straight(search: NamedSearch): Promise<PlainRequest> {
  let body: unknown
  const recording = {
    search: async ({ index: _, allow_partial_search_results: __, ...sent }: Record<string, unknown>) => {
      body = sent
      return { hits: { hits: [], total: 0 } }
    },
  }
  await createSearcher(recording as unknown as EngineClient, orders, orders.name).query(queryOf(search))
  return { path: `/${orders.name}/_search?allow_partial_search_results=false`, body: JSON.stringify(body) }
}

function queryOf({ q, query }: NamedSearch): Query {
  if (q === undefined) return readQuery(orders, query).query
  const where = simpleQuery(orders, q)
  if (where === undefined) throw new Error(`'${q}' has too many words`)
  return { where, sort: [], from: 0, size: 25 }
}

/** All searches in turn, on many connections. Of the API's answers those count that Elasticsearch gave: Postgres may step in. */
async function underLoad(stage: Stage, url: string, requests: PlainRequest[], service?: Running): Promise<OpenRow> {
  const header = service === undefined ? {} : { header: 'x-search-engine: elasticsearch' }
  const load = { kind: 'closed' as const, url, requests: { kind: 'plain' as const, requests }, connections, ...header }
  const { warmup_seconds, seconds } = stage.settings
  await stage.load({ ...load, seconds: warmup_seconds, least: warmups })
  return {
    async measure(): Promise<Sample> {
      const meter = stage.meter(service === undefined ? {} : { api: service })
      const { count, failed, seconds: took, latency } = await stage.load({ ...load, seconds: Math.max(1, seconds) })
      return { rate: count / took, p50_ms: latency.p50, p99_ms: latency.p99, failed, ...meter.stop(count) }
    },
    close: async () => service?.stop(),
  }
}

/** Each search by itself, again and again: which is the slowest, and how slow. */
async function oneByOne(stage: Stage, service: Running): Promise<OpenRow> {
  const ask = async (search: NamedSearch): Promise<number> => {
    const { path, body } = requestOf(search)
    const post = { method: 'POST', headers: { 'content-type': 'application/json' } }
    const started = performance.now()
    const answer = await fetch(service.url + path, body === undefined ? {} : { ...post, body })
    const said = await answer.text()
    if (answer.status !== 200 || answer.headers.get('x-search-engine') !== 'postgres')
      throw new Error(
        `'${search.name}' is answered ${answer.status} by ${answer.headers.get('x-search-engine')}: ${said.slice(0, 500)}`,
      )
    return performance.now() - started
  }
  for (const search of searches) await ask(search)
  return {
    async measure(): Promise<Sample> {
      const meter = stage.meter({ api: service })
      const all: number[] = []
      const slow: { name: string; p95: number }[] = []
      for (const search of searches) {
        const times: number[] = []
        for (let n = 0; n < stage.settings.asked; n += 1) times.push(await ask(search))
        all.push(...times)
        slow.push({ name: search.name, p95: quantile(times.sort((a, b) => a - b), 0.95) }) // biome-ignore format: one line
      }
      const [slowest] = slow.sort((a, b) => b.p95 - a.p95)
      if (slowest !== undefined) stage.say(`  slowest: ${slowest.name}, p95 ${slowest.p95.toFixed(0)} ms`)
      const { p50, p99 } = latencyOf(all)
      const sum = all.reduce((total, one) => total + one, 0)
      const worst = { worst_p95_ms: slowest?.p95 ?? Number.NaN, slowest_ms: Math.max(...all) }
      return { rate: (all.length / sum) * 1_000, p50_ms: p50, p99_ms: p99, ...worst, ...meter.stop(all.length) }
    },
    close: () => service.stop(),
  }
}

const row = (name: string, title: string, kind: Row['kind'], open: (stage: Stage) => Promise<OpenRow>): Row => ({
  id: `search/${name}`,
  title,
  kind,
  async open(stage) {
    await fillSearched(stage, stage.settings.searched)
    return open(stage)
  },
})

/** The named searches, over as many orders as the settings say. */
export const search: Case = {
  name: 'search',
  title: `Search, ${searches.length} queries in turn, ${connections} connections; Postgres one at a time`,
  servers: ['postgres', 'redis', 'rabbitmq', 'elasticsearch'],
  long: true,
  rounds: ({ drain_rounds }) => drain_rounds,
  rows: [
    row('straight', 'floor: the same queries straight at Elasticsearch', 'floor', async (stage) =>
      underLoad(stage, stage.servers.env['ELASTICSEARCH_URL'] ?? '', await Promise.all(searches.map(straight))),
    ),
    row('elasticsearch', 'Ordermill, by Elasticsearch', 'product', async (stage) => {
      const api = await stage.service('api')
      return underLoad(stage, api.url, searches.map(requestOf), api)
    }),
    row('postgres', 'Ordermill, by Postgres alone', 'product', async (stage) =>
      oneByOne(stage, await stage.service('api', { search: false })),
    ),
  ],
}
