import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { environment } from '@ordermill/config'
import { newId, orders, text } from '@ordermill/model'
import { corner } from '@ordermill/servers/testing'
import t from 'tap'
import { createIndexWriter, createSearchClient, indexDefinition } from './index.ts'

const { env, namespace } = await corner(t, environment())
const client = createSearchClient({ urls: [env['ELASTICSEARCH_URL'] ?? ''], timeout_ms: 10_000 })
t.teardown(() => client.close())
const at = '2026-01-31T09:30:00.000Z'
const document = (change_seq: number, more: Record<string, unknown> = {}, id = newId()) => ({
  id,
  change_seq,
  text: JSON.stringify({
    id,
    version: 1,
    status: 'placed',
    product_name: 'LAMP',
    quantity: 1,
    created_at: at,
    updated_at: at,
    ...more,
  }),
})

t.test('an index is made once, by whoever comes first, and found by all', async (t) => {
  const definition = indexDefinition(orders, `${namespace}made.`)
  const made = await Promise.all(Array.from({ length: 5 }, () => createIndexWriter(client, definition).ensure()))
  t.equal(new Set(made.map(({ uuid }) => uuid)).size, 1)
  t.equal(made[0]?.name, definition.index)
})

t.test(
  'each document is answered for by itself: newer and same changes are done, foreign fields are rejected',
  async (t) => {
    const writer = createIndexWriter(client, indexDefinition(orders, `${namespace}items.`))
    await writer.ensure()
    const id = newId()
    t.same(await writer.write([document(7, {}, id), document(8)]), [{ outcome: 'done' }, { outcome: 'done' }])
    const results = await writer.write([document(6, {}, id), document(9, { colour: 'red' }), document(10)])
    t.match(results, [
      { outcome: 'done' },
      { outcome: 'rejected', reason: /strict_dynamic_mapping/ },
      { outcome: 'done' },
    ])
  },
)

t.test('a write makes no index: without its alias it is refused', async (t) => {
  const definition = indexDefinition(orders, `${namespace}none.`)
  await t.rejects(createIndexWriter(client, definition).write([document(1)]), { name: 'EngineRefused' })
  t.notOk(await client.indices.exists({ index: definition.alias }))
})

t.test('an index made before a field was added takes documents that have it', async (t) => {
  const scope = `${namespace}older.`
  const before = await createIndexWriter(client, indexDefinition(orders, scope)).ensure()
  const fields = { ...orders.fields, gift_note: text({ min: 1, max: 100, optional: true, search: ['prefix'] }) }
  const wider = { ...orders, fields, fieldNames: [...orders.fieldNames, 'gift_note'] }
  const writer = createIndexWriter(client, indexDefinition(wider, scope))
  const after = await writer.ensure()
  t.equal(after.name, before.name, 'the index in use stays in use')
  t.ok(after.uuid.startsWith(`${before.uuid}-`), 'and is fed again from the first change')
  t.same(await writer.write([document(1, { gift_note: 'for you' })]), [{ outcome: 'done' }])
})

t.test(
  'two versions that feed one index agree: the one whose definition it is writes over what the other one wrote',
  async (t) => {
    const scope = `${namespace}two.`
    const fields = { ...orders.fields, gift_note: text({ min: 1, max: 100, optional: true, search: [] }) }
    const [older, newer] = [orders, { ...orders, fields, fieldNames: [...orders.fieldNames, 'gift_note'] }].map((c) =>
      createIndexWriter(client, indexDefinition(c, scope)),
    )
    if (older === undefined || newer === undefined) throw new Error('two')
    const first = await older.ensure()
    const fitted = await newer.ensure()
    t.match(await older.ensure(), { uuid: first.uuid, from: fitted.uuid, differs: [] }, 'each has a cursor of its own')
    const id = newId()
    const note = async () => (await client.get<{ gift_note?: string }>({ index: fitted.name, id }))._source?.gift_note
    await older.write([document(7, {}, id)])
    t.same(await newer.write([document(7, { gift_note: 'for you' }, id)]), [{ outcome: 'done' }])
    t.equal(await note(), 'for you', 'the newer one writes over the same change')
    t.same(await older.write([document(7, {}, id)]), [{ outcome: 'done' }])
    t.equal(await note(), 'for you', 'the older one does not')
  },
)

t.test('what an index cannot take of a definition is told; it is fed on as it is', async (t) => {
  const scope = `${namespace}changed.`
  const before = await createIndexWriter(client, indexDefinition(orders, scope)).ensure()
  const fields = { ...orders.fields, customer_id: orders.fields.placed_at }
  const writer = createIndexWriter(client, indexDefinition({ ...orders, fields } as never, scope))
  const after = await writer.ensure()
  t.match(after, { name: before.name, from: before.uuid, differs: ['customer_id'] })
  t.match(await writer.ensure(), { uuid: after.uuid, differs: ['customer_id'] })
  t.same(await writer.write([document(1)]), [{ outcome: 'done' }])
})

t.test('another number of shards is told, and nothing else: only a new index can have it', async (t) => {
  const scope = `${namespace}shards.`
  const of = (shards: number, replicas: number, refresh_ms: number) =>
    createIndexWriter(client, indexDefinition(orders, scope, { shards, replicas, refresh_ms }))
  const before = await of(1, 0, 1_000).ensure()
  t.same(before.differs, [])
  t.match(await of(2, 0, 1_000).ensure(), { uuid: before.uuid, name: before.name, differs: ['(shards)'] })
  t.match(await of(1, 1, 250).ensure(), { uuid: before.uuid, differs: [] }, 'what stands can take these')
})

t.test('an engine that does not know us, or does not let us, refuses', async (t) => {
  for (const status of [401, 403]) {
    const server = createServer((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' })
      response.end(JSON.stringify({ error: { type: 'security_exception', reason: 'no' }, status }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    const { port } = server.address() as AddressInfo
    const guarded = createSearchClient({ urls: [`http://127.0.0.1:${port}`], timeout_ms: 5_000 })
    t.teardown(() => guarded.close())
    const writer = createIndexWriter(guarded, indexDefinition(orders, namespace))
    await t.rejects(writer.ensure(), { name: 'EngineRefused', code: 'security_exception' })
    await t.rejects(writer.write([document(1)]), { name: 'EngineRefused', code: 'security_exception' })
  }
})

t.test('an engine that is away is unavailable, not refusing', async (t) => {
  const nowhere = createSearchClient({ urls: ['http://127.0.0.1:1'], timeout_ms: 500 })
  t.teardown(() => nowhere.close())
  const writer = createIndexWriter(nowhere, indexDefinition(orders, namespace))
  await t.rejects(writer.ensure(), { name: 'Unavailable', code: 'search-away' })
  await t.rejects(writer.write([document(1)]), { name: 'Unavailable', code: 'search-away' })
})
