import { connectCache, createCleanCopies } from '@ordermill/cache'
import { environment } from '@ordermill/config'
import { createCursors, createRowsInOrder, createTable } from '@ordermill/database'
import { newId, orders } from '@ordermill/model'
import { firstOrder, nextOrder } from '@ordermill/model/testing'
import { createDocuments, createIndexWriter } from '@ordermill/search'
import { redisAt, until } from '@ordermill/servers/testing'
import { createLogger, createRegistry, workerMetrics } from '@ordermill/telemetry'
import t from 'tap'
import { get, many, post, startTestApi, startTestWorker } from '../testing.ts'
import { openEngines } from '../testing-engines.ts'
import { createAudit } from './audit.ts'
import { createYielding } from './yielding.ts'

const machine = environment()
type Base = ReturnType<typeof firstOrder>
const { env, namespace, database, engine, definition } = await openEngines(t)
const table = createTable(database, orders)
const rows = createRowsInOrder(database, orders)
const redis = redisAt(t, env['REDIS_ADDR'])
const { alias } = definition

/** Several ranges; AUDITED_ORDERS says otherwise by hand. */
const placed = Number(machine['AUDITED_ORDERS'] ?? 5_000)
const patience_ms = Math.max(200_000, placed * 6)
const apply = async (chains: Base[]) =>
  table.apply(
    chains.map((one) => [one]),
    new AbortController().signal,
  )
const all = Array.from({ length: placed }, (_, at) => firstOrder({ reference: `R-${at}` }))
for (let at = 0; at < all.length; at += 500) await apply(all.slice(at, at + 500))

const { url } = await startTestApi(t, env)
const { address } = await startTestWorker(t, env)
const documents = async () => {
  await engine.indices.refresh({ index: alias })
  return (await engine.count({ index: alias })).count
}
await until('all are indexed', async () => (await documents().catch(() => 0)) === placed, patience_ms)

const audit = async (body: object = {}): Promise<Record<string, unknown>> => {
  const asked = await post(`${url}/api/admin/audit`, body)
  if (asked.status === 200) return asked.body
  return await until(
    'the audit has ended',
    async () => {
      const { body: job } = await get(`${url}/api/admin/jobs/${asked.body['id']}`)
      if (job['state'] === 'FAILED') throw new Error(String(job['error']))
      return job['state'] === 'COMPLETED' && (job['result'] as Record<string, unknown>)
    },
    patience_ms,
  )
}
const stored = async () =>
  (await database.query<{ count: number }>({ text: 'SELECT count(*)::int AS count FROM orders' }))[0]?.count
const changes = async () => new Map((await rows.read(all.map(({ id }) => id))).map((row) => [row.id, row.change_seq]))

t.test('exactly what was broken is found and repaired, while others write', async (t) => {
  // Spread over all ranges; the others in between go on being changed.
  const victims = all.filter((_, at) => at % Math.floor(placed / 200) === 0).slice(0, 200)
  const [lost, altered] = [victims.slice(0, 100), victims.slice(100)]
  const before = await changes()
  const operations = [
    ...lost.map(({ id }) => [{ delete: { _id: id } }]),
    ...altered.map(({ id }, at) => [
      { update: { _id: id } },
      { doc: at % 2 === 0 ? { amount: 12_345 } : { reference: null } },
    ]),
    ...Array.from({ length: 100 }, () => newId()).map((id) => [
      { index: { _id: id } },
      { ...(JSON.parse(victims[0]?.text ?? '{}') as object), id },
    ]),
  ]
  const { errors } = await engine.bulk({ index: alias, operations: operations.flat(), refresh: true })
  t.notOk(errors)

  const counted = await audit({ repair: false })
  t.match(counted['found'], { missing: 100, different: 100, extra: 100 }, 'counted alone')
  t.match(counted['repaired'], { missing: 0, different: 0, extra: 0 })

  let writing = true
  const changed = new Map<string, Base>()
  const others = all.filter(({ id }) => !victims.some((victim) => victim.id === id))
  const write = async (step: number) => {
    for (let at = step; writing; at += 1) {
      const some = Array.from({ length: 20 }, (_, n) => others[(at * 20 + n) % others.length] ?? firstOrder())
      const next = some.map((one) => nextOrder(changed.get(one.id) ?? one, { quantity: 2 + (at % 1_000) }))
      await apply([...next, firstOrder()])
      for (const one of next) changed.set(one.id, one)
      await post(`${url}/api/orders?wait=persisted&wait_ms=30000`, { product_name: 'WRITTEN MEANWHILE', amount: 1 })
    }
  }
  const writers = write(0)
  const found = await audit()
  writing = false
  await writers
  t.match(found['found'], { missing: 100, different: 100, extra: 100 })
  t.match(found['repaired'], { missing: 100, different: 100, extra: 100 })
  t.equal(found['left'], 0)
  t.ok(changed.size > 0, `${changed.size} orders were changed meanwhile`)

  const after = await changes()
  const renumbered = all.filter(({ id }) => !changed.has(id) && before.get(id) !== after.get(id)).map(({ id }) => id)
  t.same(new Set(renumbered), new Set(victims.map(({ id }) => id)), 'no row but those was touched')
  const versions = await rows.read(victims.map(({ id }) => id))
  t.ok(versions.every(({ version }) => version === 1))
  const text = 'SELECT count(*) AS count FROM orders_history WHERE id = ANY($1::uuid[])'
  t.match(await database.query({ text, values: [victims.map(({ id }) => id)] }), [{ count: 0 }], 'nor any history')
  await until(
    'what was written meanwhile is indexed',
    async () => (await documents()) === (await stored()),
    patience_ms,
  )
  const again = await audit()
  t.match(again, { found: { missing: 0, different: 0, extra: 0 }, left: 0 })
  t.equal(again['rows'], again['documents'])
  t.equal(await documents(), again['rows'])

  const figures = await (await fetch(`${address}/metrics`)).text()
  for (const kind of ['missing', 'different', 'extra']) {
    t.match(figures, new RegExp(`audit_differences_total\\{.*kind="${kind}".*\\} 200`))
    t.match(figures, new RegExp(`audit_repairs_total\\{.*kind="${kind}".*\\} 100`))
  }
  const at_s = Number(/^audit_completed_timestamp_seconds\S* (\S+)$/m.exec(figures)?.[1])
  t.ok(Math.abs(Date.now() / 1_000 - at_s) < 300, `the last one was at ${at_s}`)
})

t.test('clean cached copies that differ from their row are taken away, and what is dirty is not', async (t) => {
  const ids: string[] = []
  await many(6, 3, async () => {
    const { body } = await post(`${url}/api/orders?wait=persisted&wait_ms=30000`, { product_name: 'CACHED', amount: 1 })
    ids.push(String(body['order_id']))
  })
  const keyOf = (id: string) => `{${Number.parseInt(id.slice(-2), 16) % 64}}:${namespace}orders:${id}`
  const [text = '', head = '', older = '', dirty = '', ahead = '', sound = ''] = ids
  const alter = async (id: string, change: (value: string) => string, ...how: ['KEEPTTL'] | []) => {
    const value = (await redis.get(keyOf(id))) ?? ''
    t.not(change(value), value)
    if (how.length === 0) await redis.set(keyOf(id), change(value))
    else await redis.set(keyOf(id), change(value), 'KEEPTTL')
  }
  await until('all are settled', async () => {
    const left = await Promise.all(ids.map((id) => redis.ttl(keyOf(id))))
    return left.every((ttl_s) => ttl_s > 0)
  })
  await alter(text, (value) => value.replace('CACHED', 'FORGED'), 'KEEPTTL')
  await alter(head, (value) => value.replace(/^1 \S+/, '1 AAAAAAAAAAAAAAAAAAAAAA'), 'KEEPTTL')
  await database.query({ text: 'UPDATE orders SET version = 2 WHERE id = $1', values: [older] })
  await alter(dirty, (value) => value.replace('CACHED', 'FORGED'))
  await alter(ahead, (value) => value.replace(/^1 /, '9 '), 'KEEPTTL')
  t.match(await audit({ repair: false }), { cache: { different: 3, removed: 0 } })
  const { cache } = await audit()
  t.match(cache, { different: 3, removed: 3 })
  t.same(await Promise.all(ids.map((id) => redis.exists(keyOf(id)))), [0, 0, 0, 1, 1, 1])
  t.match((await get(`${url}/api/orders/${text}`)).body, { product_name: 'CACHED' })
  t.match(await audit(), { cache: { different: 0 } })
  t.ok(sound)
})

t.test('an attempt goes on where the one before it ended, and keeps its counts', async (t) => {
  const client = connectCache({
    urls: [`redis://${env['REDIS_ADDR']}`],
    timeout_ms: 5_000,
    onError: () => undefined,
    onReady: () => undefined,
  })
  t.teardown(() => client.disconnect())
  await until('the cache answers', () => client.ping().catch(() => undefined))
  const index = createIndexWriter(engine, definition)
  const run = createAudit({
    collection: orders,
    database,
    rows,
    index: {
      rows,
      documents: createDocuments(engine, alias),
      passed: async () => createCursors(database).passed((await index.ensure()).uuid),
      rejected: async () => [],
    },
    copies: createCleanCopies({ client, collection: 'none', namespace }),
    yielding: createYielding(() => 'none'),
    metrics: workerMetrics(createRegistry('test'), []),
    log: createLogger({ service: 'test', level: 'silent' }),
  })
  const ids = all.map(({ id }) => id).sort()
  const after = ids.at(-101)
  const reported: unknown[] = []
  const result = await run({
    id: '0199a8f0-7c1e-7d3b-9a52-3f0c8f1d2e4a',
    arguments: {},
    progress: { after, rows: 7, found: { missing: 1, different: 0, extra: 0 } },
    signal: new AbortController().signal,
    report: async (progress) => reported.push(progress['after']) > 0,
  })
  const [{ count = 0 } = {}] = await database.query<{ count: number }>({
    text: 'SELECT count(*) AS count FROM orders WHERE id > $1',
    values: [after],
  })
  t.ok(count >= 100)
  t.match(result, { rows: 7 + count, found: { missing: 1, different: 0, extra: 0 }, left: 1 })
  t.ok(String(reported[0]) > String(after))
})
