import { setTimeout } from 'node:timers/promises'
import { environment } from '@ordermill/config'
import { startServer } from '@ordermill/servers'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, many, post, startTestApi, startTestWorker } from '../testing.ts'

const orders = 200
/** How long searches go on while the engine is dead: longer than the breaker rests before it tries again. */
const away_ms = Number(environment()['ENGINE_AWAY_MS'] ?? 6_000)
/** Between an answer and the next search: a load, and not so much that the engine has no CPU left to start on. */
const rest_ms = 50

t.test(
  'with Elasticsearch killed under a load of searches none fails, and it answers again once it is back',
  async (t) => {
    const elasticsearch = await startServer('elasticsearch', { env: environment() })
    t.teardown(() => elasticsearch.remove())
    const { env: shared } = await corner(t, environment())
    // Postgres answers on a machine that starts an engine at the same time.
    const env = { ...shared, ...elasticsearch.env, SEARCH_TIMEOUT_MS: '10000' }
    const { url } = await startTestApi(t, env)
    await startTestWorker(t, env)
    await many(orders, 20, async (n) => {
      await post(`${url}/api/orders`, { product_name: `RED LANTERN ${n}`, amount: 1 })
    })
    const search = (q: string) => get(`${url}/api/search?q=${q}`)
    const allFrom = (engine: string) =>
      until(
        `${engine} finds all`,
        async () => {
          const { headers, body } = await search('lantern')
          return headers.get('x-search-engine') === engine && body['total'] === orders
        },
        60_000,
      )
    await allFrom('elasticsearch')
    const connected = { ...env, ELASTICSEARCH_URL: '' }
    const { url: alone } = await startTestApi(t, connected)
    await until('Postgres finds all', async () => (await get(`${alone}/api/search?q=lantern`)).body['total'] === orders)

    let searching = true
    const seen: { at: number; took_ms: number; status: number; engine: string | null; total: unknown }[] = []
    const load = Promise.all(
      Array.from({ length: 5 }, async (_, n) => {
        while (searching) {
          const at = performance.now()
          const { status, headers, body } = await search(n % 2 === 0 ? 'lantern' : 'lantren')
          const engine = headers.get('x-search-engine')
          seen.push({ at, took_ms: performance.now() - at, status, engine, total: body['total'] })
          await setTimeout(rest_ms)
        }
      }),
    )
    await until('the load runs', () => seen.length > 100)
    const killedAt = performance.now()
    await elasticsearch.kill('SIGKILL')
    const before = seen.length
    const wentOn = () => performance.now() - killedAt > away_ms && seen.length > before + 150
    await until('searches went on meanwhile', wentOn, away_ms * 4)
    const restartedAt = performance.now()
    await elasticsearch.start()
    await allFrom('elasticsearch')
    const recovered_ms = performance.now() - restartedAt
    searching = false
    await load

    const during = seen.filter(({ at }) => at >= killedAt && at < restartedAt)
    const slowest_ms = Math.max(...during.map(({ took_ms }) => took_ms))
    const fromPostgres = during.filter(({ engine }) => engine === 'postgres').length
    t.comment(
      `${seen.length} searches, ${during.length} while it was away (${fromPostgres} answered by Postgres, slowest ${slowest_ms.toFixed(0)} ms), back after ${recovered_ms.toFixed(0)} ms`,
    )
    t.same(
      seen.filter(({ status }) => status !== 200),
      [],
      'none failed',
    )
    t.ok(fromPostgres > 100, `${fromPostgres} were answered by Postgres`)
    t.same(
      during.filter(({ total }) => total !== orders),
      [],
      'each found all orders',
    )
  },
)
