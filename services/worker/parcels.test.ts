import { connectCache, createRecordCache } from '@ordermill/cache'
import { environment, readOptions } from '@ordermill/config'
import { createDatabase, createReader, createSql, searchRecords } from '@ordermill/database'
import { type Base, collection, firstVersion, integer, keyword, money, newId, nextVersion, parseRecord, readCreate, readPatch, steps, text, time, tombstone, type Version } from '@ordermill/model' // biome-ignore format: one line
import { createPublisher, recordMessage, topologyOf } from '@ordermill/queue'
import { createSearchClient, createSearcher, indexDefinition, simpleQuery } from '@ordermill/search'
import { corner, until } from '@ordermill/servers/testing'
import { createLogger } from '@ordermill/telemetry'
import { Client } from 'pg'
import t from 'tap'
import { workerOptionNames } from './options.ts'
import { startWorker } from './worker.ts'

// A collection that nobody else knows: every kind of field, each with and without what may be absent, and names chosen to trip.
const parcels = collection('parcels', {
  title: 'parcel',
  type: 'parcels.v1',
  fields: {
    contents: text({ min: 2, max: 100, search: ['prefix', 'fuzzy'] }),
    note: text({ optional: true, min: 1, max: 20 }),
    carrier: keyword({ default: "O'Hara", facet: true }),
    left_at: keyword({ optional: true }), // a place, though it ends as the times of a record do
    pieces: integer({ min: 0, default: 1 }),
    weight_g: integer({ optional: true, min: 0 }),
    insured: money({ currencyField: 'insured_in' }),
    fee: money({ optional: true, currencyField: 'insured_in' }),
    insured_in: keyword({ max: 3, default: 'EUR' }),
    packed: time({ default: 'accepted' }),
    arrives: time({ optional: true }),
  },
  status: steps({ packed: ['sent'], sent: ['lost', 'arrived'] }),
})

const { env, namespace } = await corner(t, environment(), [parcels.name])
const options = readOptions(env, ['POSTGRES_DSN', 'REDIS_ADDR', 'RABBITMQ_URL', 'ELASTICSEARCH_URL'])
const pg = new Client(options.POSTGRES_DSN)
await pg.connect()
t.teardown(() => pg.end())
await pg.query(createSql(parcels))

const client = connectCache({
  urls: options.REDIS_ADDR,
  timeout_ms: 5_000,
  onError: () => undefined,
  onReady: () => undefined,
})
t.teardown(() => client.disconnect())
const cache = createRecordCache({ client, collection: parcels.name, namespace, dirtyLimit: 1_000 })
const topology = topologyOf([parcels.name], { namespace, lengthMax: 1_000_000 })
const publisher = createPublisher({
  urls: options.RABBITMQ_URL,
  name: 'parcels',
  topology,
  window: 10,
  timeout_ms: 10_000,
  onLost: () => undefined,
})
t.teardown(() => publisher.stop(1_000))
await publisher.ready
const database = createDatabase({
  dsn: options.POSTGRES_DSN,
  name: 'parcels',
  poolMax: 2,
  timeout_ms: 10_000,
  onLost: () => undefined,
})
t.teardown(() => database.stop())
const stored = createReader(database, parcels)
const engine = createSearchClient({ urls: options.ELASTICSEARCH_URL, timeout_ms: 10_000 })
t.teardown(() => engine.close())
const { alias } = indexDefinition(parcels, namespace)
const searcher = createSearcher(engine, parcels, alias)
const worker = await startWorker(
  readOptions(env, workerOptionNames),
  createLogger({ service: 'worker', level: 'silent' }),
  parcels,
)
t.teardown(() => worker.stop())

const first = (body: unknown): Base => {
  const now = new Date().toISOString()
  return baseOf(firstVersion(parcels, { id: newId(), content: readCreate(parcels, body, now), now }))
}
const baseOf = (version: Version): Base => ({ ...version, record: parseRecord(parcels, version.text) })

/** Accepts a version as the API would, and waits until it is persisted. */
async function send(version: Version, base?: Base): Promise<void> {
  await until('the cache is there', () => client.ping().catch(() => undefined))
  const accepted = await cache.accept(version, base)
  if (accepted.outcome !== 'accepted') throw new Error(`the cache says ${accepted.outcome}`)
  await publisher.publish(
    recordMessage(version, { exchange: topology.exchange, collection: parcels.name, type: parcels.type }),
  )
  await cache.markSent([version])
  await until('the version is persisted', async () => (await stored.read(version.id))?.hash === version.hash)
  await until('the version is settled', async () => (await cache.dirty()).sent === 0)
}
/** What the search engine finds, and what Postgres does. */
const find = async (q: string) => {
  const query = { where: simpleQuery(parcels, q) ?? { kind: 'any' as const, of: [] }, sort: [], from: 0, size: 10 }
  const found = [await searcher.query(query), await searchRecords(database, parcels, query, { timeout_ms: 5_000 })]
  return found.map(({ hits, total }) => ({ total: total.value, ids: hits.map(({ id }) => id) }))
}
const documentOf = async (id: string): Promise<unknown> => {
  await engine.indices.refresh({ index: alias }, { ignore: [404] })
  // 404 and 503: the index is not there yet, or its shard has not started.
  const found = await engine.search({ index: alias, query: { ids: { values: [id] } } }, { ignore: [404, 503] })
  return found.hits?.hits[0]?._source
}

const full = {
  contents: '  Blue "teapot" \\ <b>für</b> 😀 ',
  note: "it's fragile",
  carrier: 'Post',
  left_at: 'neighbour',
  pieces: 0,
  weight_g: 2_147_483_647,
  insured: 19.99,
  fee: 0.29,
  insured_in: 'EUR',
  packed: '0001-01-01T00:00:00Z',
  arrives: '9999-12-31T23:59:59.999Z',
}

t.test(
  'a record of a collection that only this test declares goes the whole way, and is the same to the last byte everywhere',
  async (t) => {
    for (const parcel of [first(full), first({ contents: 'Bare teapot', insured: 1_000_000.5 })]) {
      await send(parcel)
      t.equal((await cache.read(parcel.id))?.text, parcel.text, 'in the cache')
      const row = await stored.read(parcel.id)
      const { epoch: _epoch, current: _current, ...cached } = (await cache.read(parcel.id)) ?? {}
      t.strictSame(row, cached, 'in Postgres')
      t.equal(row?.text, parcel.text)
      const document = await until('it is indexed', () => documentOf(parcel.id))
      t.strictSame(document, JSON.parse(parcel.text), 'in the search index')
    }
    const { rows } = await pg.query(
      `SELECT carrier, pieces, insured::text, fee::text, weight_g, arrives FROM parcels ORDER BY change_seq`,
    )
    t.strictSame(rows[0], {
      carrier: 'Post',
      pieces: 0,
      insured: '19.9900',
      fee: '0.2900',
      weight_g: 2_147_483_647,
      arrives: new Date(full.arrives),
    })
    t.strictSame(rows[1], {
      carrier: "O'Hara",
      pieces: 1,
      insured: '1000000.5000',
      fee: null,
      weight_g: null,
      arrives: null,
    })
  },
)

t.test('it is found by the fields that it declares searchable, as a prefix and misspelt', async (t) => {
  const parcel = first({ contents: 'Porcelain elephant', note: 'hidden', insured: 1 })
  await send(parcel)
  const both = (total: number, ...ids: string[]) => [
    { total, ids },
    { total, ids },
  ]
  await until('both find it', async () => {
    await documentOf(parcel.id)
    return (await find('porcel')).every(({ total }) => total === 1)
  })
  for (const q of ['porcel', 'elephent', 'porcelain ELEPHANT']) t.same(await find(q), both(1, parcel.id), q)
  t.same(await find('hidden'), both(0), 'what is not declared searchable is not searched')
})

t.test('its later versions and its tombstone replace it in every store, and its past is kept', async (t) => {
  const one = first({ ...full, contents: 'Clock' })
  await send(one)
  const now = new Date().toISOString()
  const changed = nextVersion(parcels, one, { ...readPatch(parcels, { note: null, status: 'sent' }, one.record), now })
  t.ok(changed)
  if (changed === undefined) return
  const two = baseOf(changed)
  await send(two, one)
  await until('the document is replaced', async () => {
    const document = (await documentOf(one.id)) as { version?: number } | undefined
    return document?.version === 2
  })
  const gone = tombstone(parcels, two, now)
  await send(gone, two)
  t.match(await stored.read(one.id), { version: 3, deleted: true, hash: gone.hash, text: gone.text })
  await until('it is found no more', async () => {
    await engine.indices.refresh({ index: alias })
    return (await find('clock')).every(({ total }) => total === 0)
  })
  const { rows } = await pg.query('SELECT hash, body FROM parcels_history WHERE id = $1 ORDER BY version', [one.id])
  t.strictSame(
    rows,
    [one, two].map(({ hash, record }) => ({ hash, body: record })),
  )
})
