import { environment } from '@ordermill/config'
import { corner } from '@ordermill/servers/testing'
import t from 'tap'
import { post, startTestApi } from '../testing.ts'

const { env } = await corner(t, environment())
const plain = await startTestApi(t, env)
const dressed = await startTestApi(t, { ...env, CORS_ORIGINS: 'https://shop.example', COMPRESSION: 'on' })

t.test(
  'pages of configured origins may call the API and read its headers; others may not; off by default',
  async (t) => {
    const asks = (url: string, origin: string) =>
      fetch(`${url}/api/orders`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'PATCH', 'access-control-request-headers': 'if-match' },
      })
    const allowed = await asks(dressed.url, 'https://shop.example')
    t.equal(allowed.status, 204)
    t.equal(allowed.headers.get('access-control-allow-origin'), 'https://shop.example')
    t.match(allowed.headers.get('access-control-allow-methods'), /PATCH/)
    t.equal((await asks(dressed.url, 'https://evil.example')).headers.get('access-control-allow-origin'), null)
    t.equal((await asks(plain.url, 'https://shop.example')).headers.get('access-control-allow-origin'), null)
    const read = await fetch(`${dressed.url}/api/orders/none`, { headers: { origin: 'https://shop.example' } })
    t.equal(read.headers.get('access-control-allow-origin'), 'https://shop.example', 'problems can be read as well')
    t.match(read.headers.get('access-control-expose-headers'), /ETag.*X-Correlation-Id/)
  },
)

t.test('answers are compressed where it is configured; one record never is, for its ETag names bytes', async (t) => {
  const packed = { 'accept-encoding': 'gzip' }
  const encoding = async (url: string) => {
    const response = await fetch(url, { headers: packed })
    await response.text()
    return response.headers.get('content-encoding')
  }
  t.equal(await encoding(`${dressed.url}/docs/json`), 'gzip')
  t.equal(await encoding(`${plain.url}/docs/json`), null)
  const { headers } = await post(`${dressed.url}/api/orders`, { product_name: '🪔'.repeat(500), amount: 1 })
  const one = await fetch(dressed.url + String(headers.get('location')), { headers: packed })
  t.equal(one.headers.get('content-encoding'), null)
  t.ok((await one.arrayBuffer()).byteLength > 2_000)
  t.match(one.headers.get('etag'), /^"1-/)
})

t.test('pages are guarded by headers that answers of the API do without', async (t) => {
  const page = await fetch(`${plain.url}/docs/`)
  t.equal(page.status, 200)
  t.match(await page.text(), /<!DOCTYPE html>/i)
  t.equal(page.headers.get('x-content-type-options'), 'nosniff')
  t.equal(page.headers.get('x-frame-options'), 'SAMEORIGIN')
  t.match(page.headers.get('content-security-policy'), /^default-src 'self';.*script-src 'self'/)
  t.notMatch(page.headers.get('content-security-policy'), /upgrade-insecure-requests/)
  t.equal(page.headers.get('strict-transport-security'), null)
  const answer = await fetch(`${plain.url}/api/orders`)
  await answer.text()
  t.equal(answer.headers.get('content-security-policy'), null)
  t.equal(answer.headers.get('x-frame-options'), null)
})

t.test('answers to operators and probes are kept by nobody on their way', async (t) => {
  for (const path of ['/health', '/health/live', '/api/admin/jobs']) {
    const answer = await fetch(plain.url + path)
    await answer.text()
    t.match(answer.headers.get('cache-control'), /no-store/, path)
  }
})
