import { once } from 'node:events'
import { connect } from 'node:net'
import { environment } from '@ordermill/config'
import { counterOf } from '@ordermill/servers/counting'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, post, spawnApi, startTestApi } from '../testing.ts'
import { firstLine, raw } from './testing.ts'

const made = await corner(t, environment())
const { url } = await startTestApi(t, { ...made.env, REQUEST_TIMEOUT_MS: '1000', CONNECTIONS_MAX: '10' })
const count = await counterOf(t, made)
const alive = async () => (await get(`${url}/health/live`)).status === 200

/** The problem document of a raw answer. */
function problemOf(said: string): Record<string, unknown> {
  const [head = '', body = ''] = said.split('\r\n\r\n')
  if (!/^content-type: application\/problem\+json/im.test(head)) throw new Error(`no problem document: ${said}`)
  const problem = JSON.parse(body) as Record<string, unknown>
  if (!head.includes(String(problem['correlation_id']))) throw new Error(`no correlation id in the headers: ${head}`)
  return problem
}

t.test('ten thousand headers, one huge header and a huge path are 431 with a problem document', async (t) => {
  const many = Array.from({ length: 10_000 }, (_, n) => `X-Header-${n}: ${n}`).join('\r\n')
  for (const head of [
    `GET /api/orders HTTP/1.1\r\nHost: x\r\n${many}`,
    `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(100_000)}`,
    `GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: x`,
  ]) {
    // biome-ignore format: one line
    const said = await raw(url, `${head}\r\n\r\n`)
    t.match(firstLine(said), /^HTTP\/1\.1 431 /)
    t.match(problemOf(said), { status: 431, code: 'headers-too-large', title: 'Request header fields too large' })
  }
  t.ok(await alive())
})

t.test('as many headers as fit are all read: the last one counts', async (t) => {
  const many = Array.from({ length: 3_000 }, (_, n) => `${n}:`).join('\r\n')
  const said = await raw(
    url,
    `GET /health/live HTTP/1.1\r\nHost: x\r\n${many}\r\nX-Correlation-Id: last\r\nConnection: close\r\n\r\n`,
  )
  t.match(said, /^HTTP\/1\.1 200 /)
  t.match(said, /^x-correlation-id: last\r$/im)
})

t.test('what is not HTTP is 400 with a problem document', async (t) => {
  for (const bytes of [
    'nonsense\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    '\x16\x03\x01\x02\x00',
    'POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
  ]) {
    // biome-ignore format: one line
    const said = await raw(url, bytes)
    t.match(firstLine(said), /^HTTP\/1\.1 400 /, JSON.stringify(bytes))
    t.match(problemOf(said), { status: 400, code: 'malformed' })
  }
  t.ok(await alive())
})

t.test('headers and bodies that do not come in time are 408, and nothing is written', async (t) => {
  const before = await count()
  const body = JSON.stringify({ product_name: 'Lantern', amount: 1 })
  const head = `POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`
  const slow = await Promise.all([raw(url, head), raw(url, `${head}\r\n`), raw(url, `${head}\r\n`, body.slice(0, -1))])
  for (const said of slow) t.match(problemOf(said), { status: 408, code: 'too-slow', title: 'Request timeout' })
  t.same(await count(), before)
  t.equal((await post(`${url}/api/orders`, { product_name: 'Lantern', amount: 1 })).status, 202)
})

t.test('a client that goes away in the middle of its body is no error of ours', async (t) => {
  const { child, output, url } = await spawnApi(t, made.env)
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const head = 'POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{'
  await new Promise<void>((resolve) => socket.write(head, () => resolve()))
  t.equal((await get(`${url}/health/live`)).status, 200, 'what was sent before this has been read')
  socket.resetAndDestroy()
  t.equal((await get(`${url}/health/live`)).status, 200)
  child.kill('SIGTERM')
  const [code] = await once(child, 'close')
  t.equal(code, 0)
  t.notMatch(output(), /"level":"(error|fatal)"/)
})

t.test('connections beyond the limit are closed at once; those within it are served', async (t) => {
  const { url } = await startTestApi(t, { ...made.env, REQUEST_TIMEOUT_MS: '1000', CONNECTIONS_MAX: '10' })
  const held = Array.from({ length: 40 }, () => raw(url, 'GET /health/live HTTP/1.1\r\nHost: x\r\n'))
  const said = await Promise.all(held)
  const turnedAway = said.filter((one) => one === '')
  t.equal(turnedAway.length, 30)
  t.equal(said.filter((one) => /^HTTP\/1\.1 408 /.test(one)).length, 10, 'the others were waited for')
  await until('there is room again', async () => (await get(`${url}/health/live`)).status === 200)
})
