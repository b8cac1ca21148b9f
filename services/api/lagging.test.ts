import { createCursors, createReader, createTable, createTextIndex } from '@ordermill/database'
import { orders } from '@ordermill/model'
import { firstOrder } from '@ordermill/model/testing'
import { createIndexWriter } from '@ordermill/search'
import { until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, post, startTestApi } from '../testing.ts'
import { openEngines } from '../testing-engines.ts'

const { env, namespace, database, engine, definition } = await openEngines(t)
const cursors = createCursors(database)
const index = createIndexWriter(engine, definition)
const texts = createTextIndex(database, orders)

t.test(
  'an index that is being filled leaves searches to Postgres, if that knows more; headers say who and how far behind',
  async (t) => {
    const old = new Date(Date.now() - 3_600_000).toISOString()
    const made = Array.from({ length: 3 }, () => firstOrder({ product_name: 'JAM JAR' }, { now: old }))
    await createTable(database, orders).apply(
      made.map((one) => [one]),
      new AbortController().signal,
    )
    const changes = await createReader(database, orders).changesAfter(0, 10)
    const last = changes.at(-1)?.change_seq ?? 0
    const [inIndex, inTexts] = [await index.ensure(), await texts.ensure()]
    await cursors.open(inIndex, 1)
    await cursors.open(inTexts, 1)
    const { url } = await startTestApi(t, { ...env, SEARCH_LAG_MAX_S: '60' })
    const search = () => get(`${url}/api/search?q=jam`)
    const answers = (what: string, total: number, lag: (seconds: number) => boolean) =>
      until(`${what} finds ${total}`, async () => {
        const { body, headers } = await search()
        const seconds = Number(headers.get('x-search-lag-seconds'))
        return headers.get('x-search-engine') === what && body['total'] === total && lag(seconds)
      })

    await answers('elasticsearch', 0, (seconds) => seconds >= 3_600)
    const all = await post(`${url}/api/orders/query`, {})
    t.match(
      all.body,
      { engine: 'postgres', total: { value: 3 }, lag: { changes: 0, seconds: 0 } },
      'what asks for no text is read from the records',
    )

    const figures = await (await fetch(`${url}/metrics`)).text()
    t.match(figures, /search_fallbacks_total\{.*reason="behind".*\} [1-9]/)
    t.match(figures, /search_lag_seconds\{.*engine="elasticsearch".*\} 3[67]\d\d/)

    await texts.write(changes)
    await cursors.move(inTexts.uuid, 0, last, 1)
    await answers('postgres', 3, (seconds) => seconds === 0)

    await index.write(changes)
    await engine.indices.refresh({ index: `${namespace}orders` })
    await cursors.move(inIndex.uuid, 0, last, 1)
    await answers('elasticsearch', 3, (seconds) => seconds === 0)
    t.pass('the engine answers again once it has caught up')
  },
)
