import { environment } from '@ordermill/config'
import { hashOf, newId, orders, parseRecord } from '@ordermill/model'
import { corner } from '@ordermill/servers/testing'
import t from 'tap'
import { createDatabase, createReader, createTable } from './index.ts'

t.test('a record made before fields were added is read and stored with their defaults', async (t) => {
  const { env } = await corner(t, environment())
  const database = createDatabase({
    dsn: env['POSTGRES_DSN'] ?? '',
    name: 'test',
    poolMax: 1,
    timeout_ms: 5_000,
    onLost: () => undefined,
  })
  t.teardown(() => database.stop())
  const id = newId()
  const at = '2026-01-31T09:30:00.000Z'
  const dates = `"created_at":"${at}","updated_at":"${at}"`
  const text = `{"id":"${id}","version":1,"status":"placed","product_name":"OLD","amount":1.5,${dates}}`
  t.match(parseRecord(orders, text), { id, product_name: 'OLD' })
  const version = { id, version: 1, hash: hashOf(text, null), parent: null, text, deleted: false, keys: [] }
  const outcomes = await createTable(database, orders).apply([[version]], new AbortController().signal)
  t.same(outcomes, [['inserted']])
  const stored = await createReader(database, orders).read(id)
  t.match(JSON.parse(stored?.text ?? '{}'), {
    quantity: 1,
    currency: 'USD',
    customer_id: null,
    reference: null,
    placed_at: at,
  })
})

t.test('a record that lacks what every order has is unreadable', async (t) => {
  const text = `{"id":"${newId()}","version":1,"status":"placed","amount":1.5}`
  t.throws(() => parseRecord(orders, text), { code: 'unreadable' })
})
