import { environment } from '@ordermill/config'
import { orders } from '@ordermill/model'
import { corner } from '@ordermill/servers/testing'
import t from 'tap'
import { createIndexWriter, createSearchClient, indexDefinition, keepIndex } from './index.ts'

const { env, namespace } = await corner(t, environment())
const client = createSearchClient({ urls: [env['ELASTICSEARCH_URL'] ?? ''], timeout_ms: 10_000 })
t.teardown(() => client.close())
const keeping = (replicas: number) => indexDefinition(orders, namespace, { shards: 2, replicas, refresh_ms: 250 })
const outcomes = async (replicas: number, repository = '') =>
  (await keepIndex(client, keeping(replicas), repository)).map(({ part, outcome }) => `${part} ${outcome}`)
const { alias, index } = keeping(0)
const settings = async () => {
  const found = await client.indices.getSettings({ index: alias, flat_settings: true })
  return found[index]?.settings as Record<string, unknown>
}

t.test('an index is made as configured, and what can change of one that stands is changed', async (t) => {
  const once = await outcomes(0)
  t.match(once.slice(1), ['template set', 'settings as-it-was'], 'there is no index yet')
  await createIndexWriter(client, keeping(0)).ensure()
  t.match(await settings(), {
    'index.number_of_shards': '2',
    'index.number_of_replicas': '0',
    'index.refresh_interval': '250ms',
  })
  t.match((await outcomes(0)).slice(1), ['template as-it-was', /settings (as-it-was|set)/])
  t.match((await outcomes(1)).slice(1), ['template set', 'settings set'])
  t.match(await settings(), { 'index.number_of_replicas': '1' })
  t.match((await outcomes(1)).slice(1), ['template as-it-was', 'settings as-it-was'])
})

t.test('with its template nobody makes such an index by writing to it', async (t) => {
  await t.rejects(client.index({ index: `${alias}-stray`, document: {} }), /forbids index auto creation/)
  t.notOk(await client.indices.exists({ index: `${alias}-stray` }))
})

t.test('an engine that has no lifecycle policies says so, and one that has them gets ours', async (t) => {
  const [lifecycle] = await keepIndex(client, keeping(1), '')
  const offered = await client.ilm.getStatus().then(
    () => true,
    () => false,
  )
  t.match(lifecycle, offered ? { outcome: 'as-it-was' } : { outcome: 'not-offered', detail: /no handler found/ })
})

t.test(
  'a repository for snapshots is made where there is none; what cannot be is told, and the rest is done',
  async (t) => {
    const name = `${namespace}kept`
    t.teardown(() => client.snapshot.deleteRepository({ name }))
    t.match((await outcomes(1, name)).at(-1), 'repository set')
    t.match((await outcomes(1, name)).at(-1), 'repository as-it-was')
    t.match(await client.snapshot.getRepository({ name }), { [name]: { type: 'fs', settings: { location: name } } })
    t.match((await keepIndex(client, keeping(0), 'No Name')).slice(1), [
      { part: 'template', outcome: 'set' },
      { part: 'settings', outcome: 'set' },
      { part: 'repository', outcome: 'refused', detail: /must not contain|must be lowercase/ },
    ])
  },
)

t.test('an engine that is away is unavailable', async (t) => {
  const nowhere = createSearchClient({ urls: ['http://127.0.0.1:1'], timeout_ms: 500 })
  t.teardown(() => nowhere.close())
  await t.rejects(keepIndex(nowhere, keeping(0), ''), { name: 'Unavailable', code: 'search-away' })
})
