import { once } from 'node:events'
import { environment } from '@ordermill/config'
import { createDatabase } from '@ordermill/database'
import { createSearchClient } from '@ordermill/search'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, many, patch, post, send, spawnService, startTestApi } from '../testing.ts'

const { env, namespace } = await corner(t, environment())
const dsn = env['POSTGRES_DSN'] ?? ''
const database = createDatabase({ dsn, name: 'test', poolMax: 2, timeout_ms: 10_000, onLost: () => undefined })
t.teardown(() => database.stop())
const engine = createSearchClient({ urls: [env['ELASTICSEARCH_URL'] ?? ''], timeout_ms: 10_000 })
t.teardown(() => engine.close())
const { url } = await startTestApi(t, env)
const worker = () => spawnService(t, 'worker', { ...env, LOG_LEVEL: 'info', FOLLOW_BATCH: '5' })
const reindex = `${url}/api/admin/reindex`
const alias = `${namespace}orders`

interface State {
  indices: { name: string; role: string }[]
  job: { id: string; state: string; error: string | null; progress: { phase?: string } | null } | null
}
const stateOf = async () => (await get(reindex)).body as unknown as State
const named = async (role: string) => (await stateOf()).indices.find((one) => one.role === role)?.name
const aliased = async () => Object.keys(await engine.indices.getAlias({ name: alias }))
const untilEnded = (what: string) =>
  until(
    what,
    async () => {
      const { job } = await stateOf()
      return job !== null && ['COMPLETED', 'FAILED', 'CANCELLED'].includes(job.state) && job
    },
    90_000,
  )
const ids: string[] = []
const place = async (count: number) =>
  await many(count, 20, async (at) => {
    const { body } = await post(`${url}/api/orders`, { product_name: `LAMP ${at}`, amount: at })
    ids.push(String(body['order_id']))
  })
const totalOf = async (q: string) => {
  const { body } = await post(`${url}/api/orders/query`, {
    where: { keyword_match: { must: { status: q } } },
    limit: 1,
  })
  return (body['total'] as { value: number }).value
}
/** All documents of an index are the rows, at their changes. */
const isWhole = async (index: string) => {
  await engine.indices.refresh({ index })
  const found = await engine.search({ index, size: 10_000, version: true, _source: false })
  const rows = await database.query<{ id: string; change_seq: number }>({ text: 'SELECT id, change_seq FROM orders' })
  const versions = new Map(found.hits.hits.map((hit) => [hit._id, hit._version]))
  return versions.size === rows.length && rows.every(({ id, change_seq }) => versions.get(id) === change_seq)
}

t.test(
  'a new index is built while orders come, over a worker that is killed, and takes the place of the old one',
  async (t) => {
    const first = worker()
    await place(400)
    await until('the first index serves', async () => (await named('serving')) !== undefined, 60_000)
    const before = (await named('serving')) ?? ''
    // Its cursor stands still in the middle, until the worker was killed there.
    await database.query({
      text: `CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.role = 'building' AND NEW.change_seq > 100 AND EXISTS (SELECT FROM leases WHERE name = 'held') THEN NEW.change_seq := OLD.change_seq; END IF; RETURN NEW; END $$`,
    })
    await database.query({
      text: `CREATE TRIGGER hold BEFORE UPDATE ON search_cursors FOR EACH ROW EXECUTE FUNCTION hold()`,
    })
    await database.query({ text: `INSERT INTO leases VALUES ('held', 'test', 1, now() + interval '1 hour')` })
    t.equal((await post(reindex, {})).status, 202)
    t.equal((await post(reindex, {})).status, 409, 'one at a time')
    await until(
      'it is in the middle',
      async () => {
        const text = `SELECT 1 FROM search_cursors WHERE role = 'building' AND change_seq > 50`
        return (await database.query({ text })).length === 1
      },
      60_000,
    )
    first.child.kill('SIGKILL')
    await once(first.child, 'exit')
    await database.query({ text: `DELETE FROM leases WHERE name = 'held'` })
    const building = await named('building')
    const second = worker()
    await place(50)
    const job = await untilEnded('the other worker goes on, and ends it')
    t.match(job, { state: 'COMPLETED', error: null }, second.output().slice(-2_000))
    t.same(await aliased(), [building], 'the index that was begun')
    t.equal(await named('kept'), before)
    t.ok(await isWhole(building ?? ''))
  },
)

t.test(
  'the index before is fed on; searches go back to it, and lose nothing; then the other one is dropped',
  async (t) => {
    const [serving, kept] = [await named('serving'), await named('kept')]
    t.equal((await post(reindex, {})).status, 409, 'while one is kept no other is built')
    t.match(await patch(`${url}/api/orders/${ids[0]}?wait=indexed&wait_ms=30000`, { status: 'confirmed' }), {
      status: 200,
    })
    t.equal(await totalOf('confirmed'), 1)
    await until('the one that is kept has it too', () => isWhole(kept ?? ''), 30_000)
    t.match(await send('POST', `${reindex}/rollback`), { status: 200, body: { index: kept, previous: serving } })
    t.same(await aliased(), [kept])
    t.equal(await totalOf('confirmed'), 1)
    t.match(await patch(`${url}/api/orders/${ids[1]}?wait=indexed&wait_ms=30000`, { status: 'confirmed' }), {
      status: 200,
    })
    t.equal(await totalOf('confirmed'), 2)
    t.match(await send('POST', `${reindex}/drop`), { status: 200, body: { dropped: [serving] } })
    t.equal(await engine.indices.exists({ index: serving ?? '' }), false)
    t.equal((await send('POST', `${reindex}/drop`)).status, 404)
    t.equal((await send('POST', `${reindex}/rollback`)).status, 404)
  },
)

t.test(
  'a reindex that is cancelled leaves nothing behind, and one that finds differences does not serve',
  async (t) => {
    const serving = await named('serving')
    await database.query({ text: `INSERT INTO leases VALUES ('held', 'test', 1, now() + interval '1 hour')` })
    await post(reindex, {})
    const building = await until('it is being built', () => named('building'), 30_000)
    t.equal((await send('POST', `${reindex}/cancel`)).status, 202)
    t.match(await untilEnded('it is cancelled'), { state: 'CANCELLED' })
    await until('it is forgotten', async () => (await named('building')) === undefined, 30_000)
    t.equal(await engine.indices.exists({ index: building }), false, 'and removed before')
    t.equal((await send('POST', `${reindex}/cancel`)).status, 409)

    await post(reindex, {})
    const wrong = await until('another one is being built', () => named('building'), 30_000)
    const oldest = await until('it has some', async () => {
      await engine.indices.refresh({ index: wrong })
      const { hits } = await engine.search({ index: wrong, size: 1_000, version: true, _source: false })
      const sorted = hits.hits.sort((one, other) => (one._version ?? 0) - (other._version ?? 0))
      return sorted.length > 10 && sorted[0]?._id
    })
    await engine.delete({ index: wrong, id: oldest })
    await database.query({ text: `DELETE FROM leases WHERE name = 'held'` })
    t.match(await untilEnded('it has failed'), { state: 'FAILED', error: /missing/ })
    t.same(await aliased(), [serving])
    await until('it is removed', async () => !(await engine.indices.exists({ index: wrong })), 30_000)
  },
)
