import { once } from 'node:events'
import { createServer } from 'node:http'
import { environment } from '@ordermill/config'
import { createLogger } from '@ordermill/telemetry'
import t from 'tap'
import { createSearchClient, engineAway, searchClientOf } from './client.ts'

const { ELASTICSEARCH_URL: url = '' } = environment()
const none = {
  ELASTICSEARCH_URL: [],
  ELASTICSEARCH_CLOUD_ID: '',
  ELASTICSEARCH_API_KEY: '',
  ELASTICSEARCH_CA_FILE: undefined,
}

t.test('where one of several nodes is away another answers, every time', async (t) => {
  const client = createSearchClient({ urls: ['http://127.0.0.1:1', url, 'http://127.0.0.1:2'], timeout_ms: 10_000 })
  t.teardown(() => client.close())
  for (let times = 0; times < 6; times += 1) t.match(await client.cluster.health(), { status: /^(green|yellow|red)$/ })
})

t.test('without an address there is no client; a Cloud ID is one', async (t) => {
  t.equal(searchClientOf(none, 1_000), undefined)
  const id = `shop:${Buffer.from('eu.cloud.example$abc$def').toString('base64')}`
  const client = searchClientOf({ ...none, ELASTICSEARCH_URL: [url], ELASTICSEARCH_CLOUD_ID: id }, 1_000)
  t.teardown(() => client?.close())
  t.equal(client?.connectionPool.connections[0]?.url.href, 'https://abc.eu.cloud.example/')
})

t.test('an API key is sent instead of the user of the URL, and neither gets into a log line', async (t) => {
  // Stands in for an engine that knows neither: what is sent to it, and what is told of its answer.
  const sent: (string | undefined)[] = []
  const server = createServer((request, response) => {
    sent.push(request.headers.authorization)
    response.writeHead(401, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' })
    response.end('{"error":{"type":"security_exception"},"status":401}')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => void server.close())
  const at = server.address()
  const port = at !== null && typeof at === 'object' ? at.port : 0
  const client = searchClientOf(
    { ...none, ELASTICSEARCH_URL: [`http://ann:hunter2@127.0.0.1:${port}`], ELASTICSEARCH_API_KEY: 'aGlkZGVu' },
    1_000,
  )
  t.teardown(() => client?.close())
  const lines: string[] = []
  const log = createLogger({ service: 'test', level: 'info', stream: { write: (line) => void lines.push(line) } })
  const refused: unknown = await client?.search({ index: 'orders' }).catch((thrown: unknown) => thrown)
  server.closeAllConnections()
  server.close()
  const away: unknown = await client?.search({ index: 'orders' }).catch((thrown: unknown) => thrown)
  for (const thrown of [refused, away]) {
    log.warn({ err: engineAway(thrown) }, 'away')
    log.warn({ err: thrown }, 'as it came')
  }
  t.same(sent, ['ApiKey aGlkZGVu'])
  t.equal(lines.length, 4)
  t.match(lines.join(''), /security_exception/)
  t.notMatch(lines.join(''), /hunter2|aGlkZGVu/)
})
