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

t.test('an engine that is away is unavailable, not refusing', async (t) => {
  const nowhere = createSearchClient({ urls: ['http://127.0.0.1:1'], timeout_ms: 500 })
  t.teardown(() => nowhere.close())
  const writer = createIndexWriter(nowhere, indexDefinition(orders, namespace))
  await t.rejects(writer.ensure(), { name: 'Unavailable', code: 'search-away' })
  await t.rejects(writer.write([document(1)]), { name: 'Unavailable', code: 'search-away' })
})
