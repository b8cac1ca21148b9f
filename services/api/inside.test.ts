import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, post, startTestApi, startTestWorker } from '../testing.ts'
import { severable } from './testing.ts'

const { env } = await corner(t, environment())
const missing = '01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e9f'

t.test('SQL, HTML and templates in every text are stored and answered as they are', async (t) => {
  const { url } = await startTestApi(t, env)
  await startTestWorker(t, env)
  const texts = ["'; DROP TABLE orders; --", "' OR '1'='1", '<script>alert(1)</script>', `\${7*7}`, '{{7*7}}', '%s%n', '\\', '"', '$1', "\\'", '*/ SELECT 1 /*', '../../etc/passwd', 'a\u2028b\u2029c', '\u202eRTL', '👩‍👩‍👧', 'null', '__proto__', '":1,"amount":2', '\r\nX-Injected: 1', '\u0001\u001f\u007f'] // biome-ignore format: a table
  const ids = new Map<string, string>()
  for (const text of texts) {
    const sent = { product_name: `x${text}x`, amount: 1, customer_id: text, reference: text }
    const accepted = await post(`${url}/api/orders?wait=persisted&wait_ms=30000`, sent, {
      'idempotency-key': encodeURIComponent(text),
    })
    const name = encodeURIComponent(text) // a line of the report cannot hold the text itself
    t.equal(accepted.status, 201, name)
    ids.set(text, String(accepted.body['order_id']))
    t.match((await get(`${url}/api/orders/${ids.get(text)}`)).body, sent, name)
  }
  for (const [text, id] of ids) {
    const { body } = await get(`${url}/api/orders?customer_id=${encodeURIComponent(text)}`)
    t.match(
      body,
      { orders: [{ id, product_name: `x${text}x`, customer_id: text, reference: text }] },
      encodeURIComponent(text),
    )
    t.equal((body['orders'] as unknown[]).length, 1, 'it finds itself alone')
  }
  const found = await get(`${url}/api/search?q=${encodeURIComponent("'; DROP TABLE orders; --")}`)
  t.ok(found.status === 200 || found.status === 503, 'a search for it is a search')
})

t.test('with Postgres gone a client is told which part is away, and nothing of its inside', async (t) => {
  const dsn = new URL(env['POSTGRES_DSN'] ?? '')
  const way = await severable(t, dsn.hostname, Number(dsn.port))
  dsn.hostname = '127.0.0.1'
  dsn.port = String(way.port)
  const { url } = await startTestApi(t, { ...env, POSTGRES_DSN: dsn.href })
  t.equal((await get(`${url}/api/orders/${missing}`)).status, 404)
  way.cut()
  const calls = [`/api/orders/${missing}`, '/api/orders', `/api/orders/${missing}/history`, `/api/bulk-orders/${missing}`, '/api/dashboard/sales', '/api/admin/jobs'] // biome-ignore format: a table
  for (const path of calls) {
    const { status, headers, body } = await get(url + path)
    t.equal(status, 503, path)
    t.match(headers.get('retry-after'), /^\d+$/, path)
    t.equal(body['detail'], 'The database does not answer.', path)
    t.match(String(body['code']), /^database-/, path)
    t.notMatch(JSON.stringify(body), /127\.0\.0\.1|terminat|connect |select|password|pg_|\bat \//i, path)
  }
  const { body } = await get(`${url}/health`)
  t.notMatch(JSON.stringify(body), /127\.0\.0\.1|password/)
  way.mend()
  await until('it is back', async () => (await get(`${url}/api/orders/${missing}`)).status === 404)
})
