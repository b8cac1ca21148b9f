import { environment } from '@ordermill/config'
import { counterOf } from '@ordermill/servers/counting'
import { corner, until } from '@ordermill/servers/testing'
import t, { type Test } from 'tap'
import { get, post, startTestApi } from '../testing.ts'

const made = await corner(t, environment())
const order = { product_name: 'Lantern', amount: 1 }

async function statuses(
  url: string,
  requests: number,
  headers: Record<string, string> = {},
): Promise<Record<number, number>> {
  const counts: Record<number, number> = {}
  await Promise.all(
    Array.from({ length: requests }, async () => {
      const { status } = await get(`${url}/api/nothing`, headers)
      counts[status] = (counts[status] ?? 0) + 1
    }),
  )
  return counts
}

const addresses = ['203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.4', '203.0.113.5']

/** How requests that name these addresses as their origin are answered. */
async function statusesFrom(url: string, from: string[]): Promise<Record<number, number>> {
  const all = await Promise.all(from.map((address) => get(`${url}/api/nothing`, { 'x-forwarded-for': address })))
  return Object.fromEntries(
    [404, 429]
      .map((code) => [code, all.filter(({ status }) => status === code).length])
      .filter(([, count]) => count !== 0),
  )
}

/** Spends what a caller has, and gives the first refusal. */
const refusal = (url: string, headers: Record<string, string> = {}) =>
  until('the limit is reached', async () => {
    const answer = await get(`${url}/api/nothing`, headers)
    return answer.status === 429 && answer
  })

function checkRefusal(t: Test, { headers, body }: Awaited<ReturnType<typeof get>>, rate: number): void {
  t.match(body, { status: 429, code: 'rate-limited', title: 'Too many requests' })
  t.match(headers.get('retry-after'), /^[1-9]\d*$/)
  t.equal(headers.get('ratelimit-policy'), `"caller";q=${rate};w=1`)
  t.match(headers.get('ratelimit'), /^"caller";r=0;t=\d+$/)
}

t.test('off by default: no header speaks of a limit', async (t) => {
  const { url } = await startTestApi(t, made.env)
  const { headers } = await get(`${url}/api/nothing`)
  t.equal(headers.get('ratelimit'), null)
  t.equal(headers.get('ratelimit-policy'), null)
})

t.test('two API processes share one limit through Redis; health and metrics are never counted', async (t) => {
  const env = { ...made.env, RATE_LIMIT: '20', NAMESPACE: `${made.namespace}shared.` }
  const [one, other] = [await startTestApi(t, env), await startTestApi(t, env)]
  const started = performance.now()
  const counts = await Promise.all([statuses(one.url, 100), statuses(other.url, 100)])
  const seconds = (performance.now() - started) / 1_000
  const answered = counts.reduce((sum, count) => sum + (count[404] ?? 0), 0)
  t.ok(answered >= 20, `${answered} answered`)
  t.ok(
    answered <= 20 + Math.ceil(20 * seconds) + 5,
    `${answered} answered in ${seconds} s: a quarter of one process may come on top`,
  )
  checkRefusal(t, await refusal(one.url), 20)
  for (const path of ['/health/live', '/health/ready', '/metrics']) {
    const response = await fetch(one.url + path)
    t.equal(response.status, 200, path)
    await response.text()
  }
})

t.test('a refused write leaves nothing anywhere', async (t) => {
  const { url } = await startTestApi(t, { ...made.env, RATE_LIMIT: '1' })
  const count = await counterOf(t, made)
  await refusal(url)
  const orders = async () => {
    const { messages, rows } = await count()
    return { messages, rows }
  }
  const before = await orders()
  const answers = await Promise.all(Array.from({ length: 20 }, () => post(`${url}/api/orders`, order)))
  const accepted = answers.filter(({ status }) => status === 202).length
  t.ok(accepted < 20)
  t.equal((await orders()).messages['orders.persist'], (before.messages['orders.persist'] ?? 0) + accepted)
})

t.test('without Redis the limit holds all the same, in the memory of each process', async (t) => {
  const { url } = await startTestApi(t, { ...made.env, RATE_LIMIT: '20', REDIS_ADDR: '127.0.0.1:1' })
  const started = performance.now()
  const counts = await statuses(url, 100)
  const seconds = (performance.now() - started) / 1_000
  t.ok((counts[404] ?? 0) >= 20 && (counts[404] ?? 0) <= 20 + Math.ceil(20 * seconds), JSON.stringify(counts))
  t.equal((counts[404] ?? 0) + (counts[429] ?? 0), 100, 'nothing else is answered')
  checkRefusal(t, await refusal(url), 20)
})

t.test(
  'a caller is its address; X-Forwarded-For is believed from a trusted proxy alone; the operator has a limit of its own',
  async (t) => {
    const env = { ...made.env, RATE_LIMIT: '1', NAMESPACE: `${made.namespace}callers.`, ADMIN_TOKEN: 'open sesame' }
    const { url } = await startTestApi(t, env)
    const { 404: answered = 0, 429: refused = 0 } = await statuses(url, 5)
    t.ok(answered >= 1 && refused >= 1, 'one address is one caller')
    t.same(await statuses(url, 1, { authorization: 'Bearer open sesame' }), { 404: 1 })
    t.ok((await statusesFrom(url, addresses))[429], 'what anybody may write into a header makes no new caller')

    const behind = await startTestApi(t, { ...env, TRUST_PROXY: '127.0.0.1' })
    t.same(await statusesFrom(behind.url, addresses), { 404: addresses.length })
    const network = addresses.map((_, n) => `2001:db8:1:2:${n}::7`)
    t.ok((await statusesFrom(behind.url, network))[429], 'a /64 is one caller')
    const networks = addresses.map((_, n) => `2001:db8:2:${n}::7`)
    t.same(await statusesFrom(behind.url, networks), { 404: addresses.length })
  },
)

t.test(
  'while the event loop is late, writes are refused before anything is written, and health is answered',
  async (t) => {
    const { url } = await startTestApi(t, { ...made.env, EVENT_LOOP_DELAY_MAX_MS: '50' })
    const count = await counterOf(t, made)
    const before = await count()
    const busy = setInterval(() => {
      const end = performance.now() + 200
      while (performance.now() < end);
    }, 1)
    t.teardown(() => clearInterval(busy))
    const refused = await until('a write is refused', async () => {
      const answer = await get(`${url}/api/orders/none`)
      return answer.status === 503 && answer
    })
    t.match(refused.body, { status: 503, code: 'overloaded', title: 'Unavailable' })
    t.equal(refused.headers.get('retry-after'), '2')
    t.match((await post(`${url}/api/orders`, order)).body, { status: 503, code: 'overloaded' })
    t.equal((await get(`${url}/health/live`)).status, 200)
    t.equal((await get(`${url}/health/ready`)).status, 200)
    clearInterval(busy)
    const { messages, rows } = await count()
    t.same({ messages, rows }, { messages: before.messages, rows: before.rows })
    await until('it goes on', async () => (await post(`${url}/api/orders`, order)).status === 202)
  },
)
