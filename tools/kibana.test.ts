import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { environment } from '@ordermill/config'
import { orders } from '@ordermill/model'
import { indexDefinition } from '@ordermill/search'
import t, { type Test } from 'tap'
import { run } from './run-command.ts'

interface SavedObject {
  id: string
  type: string
  attributes: Record<string, string> & { kibanaSavedObjectMeta?: { searchSourceJSON: string } }
  references: { name: string; type: string; id: string }[]
}
interface Aggregation {
  id: string
  type: string
  params: { field?: string; orderBy?: string }
}
const file = readFileSync(join(import.meta.dirname, '../kibana/orders.ndjson'), 'utf8')
const objects = file
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as SavedObject)
const of = (type: string) => objects.filter((one) => one.type === type)
const { alias, mappings } = indexDefinition(orders, '')
const typeOf = (field: string) => mappings.properties?.[field]?.type

t.test('the data view is of the index, by a time that it has', async (t) => {
  const [view, ...others] = of('index-pattern')
  t.same(others, [])
  t.equal(view?.attributes['title'], alias)
  t.equal(typeOf(view?.attributes['timeFieldName'] ?? ''), 'date')
})

t.test('every object is there once, and everything that one refers to is there', async (t) => {
  const names = objects.map(({ type, id }) => `${type} ${id}`)
  t.equal(new Set(names).size, names.length)
  for (const { references } of objects) for (const { type, id } of references) t.ok(names.includes(`${type} ${id}`), id)
  for (const { id, attributes, references } of objects) {
    const source = JSON.parse(attributes.kibanaSavedObjectMeta?.searchSourceJSON ?? '{}') as { indexRefName?: string }
    if (source.indexRefName !== undefined)
      t.ok(
        references.some(({ name, type }) => name === source.indexRefName && type === 'index-pattern'),
        id,
      )
  }
  const [dashboard] = of('dashboard')
  const panels = JSON.parse(dashboard?.attributes['panelsJSON'] ?? '[]') as Record<string, string>[]
  t.equal(panels.length, of('visualization').length, 'each visualization has its panel')
  t.same(
    panels.map(({ panelIndex, panelRefName }) => `${panelIndex}:${panelRefName}`).sort(),
    dashboard?.references.map(({ name }) => name).sort(),
  )
})

t.test('every field that is counted, summed or asked for is in the index, and of a kind that can be', async (t) => {
  const kinds: Record<string, string[]> = {
    sum: ['double', 'integer'],
    terms: ['keyword'],
    date_histogram: ['date'],
  }
  for (const { id, attributes } of of('visualization')) {
    const { aggs } = JSON.parse(attributes['visState'] ?? '{}') as { aggs: Aggregation[] }
    t.ok(aggs.length > 0, id)
    for (const { type, params } of aggs) {
      if (type !== 'count')
        t.ok(kinds[type]?.includes(typeOf(params.field ?? '') ?? ''), `${id}: ${type} ${params.field}`)
      if (params.orderBy !== undefined)
        t.ok(
          aggs.some((agg) => agg.id === params.orderBy),
          `${id} is ordered by what it has`,
        )
    }
    const sums = aggs.some(({ type, params }) => type === 'sum' && params.field === 'amount')
    const apart = aggs.some(({ type, params }) => type === 'terms' && params.field === 'currency')
    t.equal(sums, apart, 'money is never summed across currencies')
    const { query } = JSON.parse(attributes.kibanaSavedObjectMeta?.searchSourceJSON ?? '{}') as {
      query: { query: string }
    }
    for (const [, field = ''] of query.query.matchAll(/(\w+):/g)) t.ok(typeOf(field), `${id} asks for ${field}`)
    t.match(query.query, /not deleted_at: \*/, 'what was deleted does not count')
  }
})

/** Stands in for a Kibana: says what it is told to, and keeps what it was sent. What Kibana makes of it is not seen here. */
async function standIn(t: Test, status: number, answer: object) {
  const sent: { path: string; headers: Record<string, unknown>; body: string }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      sent.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() })
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => void server.close())
  const at = server.address()
  return { url: `http://127.0.0.1:${at !== null && typeof at === 'object' ? at.port : 0}`, sent }
}
const command = (url: string, more: Record<string, string> = {}) =>
  run(process.execPath, [join(import.meta.dirname, 'kibana.ts'), '--url', url], {
    PATH: environment()['PATH'],
    ...more,
  })

t.test('the import is sent in the form that Kibana asks for, for the index of the namespace', async (t) => {
  const { url, sent } = await standIn(t, 200, { success: true, successCount: objects.length })
  const { stdout } = await command(`${url}/`, { NAMESPACE: 'eu.', ELASTICSEARCH_API_KEY: 'aGlkZGVu' })
  t.match(stdout, new RegExp(`^${objects.length} objects imported: ${url}/app/dashboards`))
  const [{ path, headers, body } = { path: '', headers: {}, body: '' }] = sent
  t.equal(path, '/api/saved_objects/_import?overwrite=true')
  t.match(headers, {
    'kbn-xsrf': 'true',
    authorization: 'ApiKey aGlkZGVu',
    'content-type': /^multipart\/form-data; boundary=/,
  })
  t.match(body, /name="file"; filename="orders\.ndjson"/)
  t.match(body, /"title":"eu\.orders"/)
  t.equal(body.match(/^\{"id":/gm)?.length, objects.length)
})

t.test('what Kibana does not take is told, with exit code 1', async (t) => {
  const error = { type: 'missing_references' }
  const partly = await standIn(t, 200, { success: false, errors: [{ type: 'dashboard', id: 'd', error }] })
  await t.rejects(command(partly.url), /dashboard d: missing_references/)
  const refused = await standIn(t, 401, { message: 'Unauthorized' })
  await t.rejects(command(refused.url), /401: Unauthorized/)
  await t.rejects(command('http://127.0.0.1:1'), /no Kibana answers at/)
})
