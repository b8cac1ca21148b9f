import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t, { type Test } from 'tap'
import { type Answer, get, patch, post, remove, startTestApi, startTestWorker } from '../testing.ts'
import { severable } from './testing.ts'

// Three processes over the same orders: with the search engine, without it, and with a way to it that can be cut.
const { env } = await corner(t, environment())
const shared = { ...env, CURSOR_SECRET: 'shared by all of them' }
const address = env['ELASTICSEARCH_URL'] ?? ''
const way = await severable(t, new URL(address).hostname, Number(new URL(address).port))
const engine = (await startTestApi(t, shared)).url
const postgres = (await startTestApi(t, { ...shared, ELASTICSEARCH_URL: '' })).url
const fragile = (await startTestApi(t, { ...shared, ELASTICSEARCH_URL: `http://127.0.0.1:${way.port}` })).url
const stranger = (await startTestApi(t, env)).url
await startTestWorker(t, env)
const both = { elasticsearch: engine, postgres }

const words = 'RED BAG LANTERN JUMBO MUG'.split(' ')
const order = (at: number) => ({
  product_name: [...new Set([0, 1, 2].map((by) => words[(at * (by + 1)) % 5]))].join(' '),
  amount: at % 7,
  customer_id: at % 3 === 0 ? null : `c${at % 5}`,
  placed_at: `2011-01-0${1 + (at % 4)}T00:00:00Z`,
})
const shuffled = (text_value: string, more: object = {}) => ({
  text_matches: { must: [{ filter_key: 'product_name', text_value, operator: 'or', ...more }] },
})
const anyWord = shuffled(words.join(' '))
const queries: Record<string, object> = {
  everything: {},
  'an optional field': { order_by: [{ order_by: 'customer_id', order_direction: 'desc' }, { order_by: 'amount' }] },
  'a time': { where: anyWord, order_by: [{ order_by: 'placed_at' }] },
  relevance: { where: shuffled('red jumbo') },
}

const count = 120
await post(`${engine}/api/bulk-orders`, { orders: Array.from({ length: count }, (_, at) => order(at)) })
for (const [name, url] of Object.entries(both))
  await until(`${name} knows all`, async () => {
    const answer = await query(url, { where: anyWord })
    return answer.body.engine === name && totalOf(answer) === count
  })

interface Body {
  hits: { order: { id: string }; sort: unknown[] }[]
  total: { value: number }
  engine: string
  next_cursor?: string
  errors?: { pointer: string; code: string }[]
}
function query(url: string, body: object): Promise<Answer & { body: Body }> {
  return post(`${url}/api/orders/query`, body) as unknown as Promise<Answer & { body: Body }>
}
function totalOf({ body }: { body: Body }) {
  return body.total?.value
}
const idsOf = ({ body }: { body: Body }) => body.hits.map((hit) => hit.order.id)

/** All pages by cursor, `between` each. */
async function walked(
  t: Test,
  url: string,
  asked: object,
  between: (page: number) => Promise<void> | void = () => undefined,
) {
  // biome-ignore format: one line
  const ids: string[] = []
  let cursor = (asked as { cursor?: true | string }).cursor
  for (let page = 0; page < 100; page += 1) {
    const answer = await query(url, { limit: 7, ...asked, ...(cursor && { cursor }) })
    t.equal(answer.status, 200, JSON.stringify(answer.body).slice(0, 300))
    ids.push(...idsOf(answer))
    cursor = answer.body.next_cursor
    if (cursor === undefined) return ids
    await between(page)
  }
  throw new Error('no end')
}

for (const [name, url] of Object.entries(both))
  t.test(`all pages by cursor, by page and in one are the same in ${name}`, async (t) => {
    for (const [what, asked] of Object.entries(queries)) {
      const all = idsOf(await query(url, { ...asked, limit: 1_000 }))
      t.ok(all.length > 50, what)
      t.same(await walked(t, url, asked), all, `${what} by cursor`)
      t.same(await walked(t, url, { ...asked, cursor: true }), all, `${what} by cursor: true`)
      const pages = Array.from({ length: Math.ceil(all.length / 7) }, async (_, at) =>
        idsOf(await query(url, { ...asked, limit: 7, page: at + 1 })),
      )
      t.same((await Promise.all(pages)).flat(), all, `${what} by page`)
      const through = await query(url, { ...asked, limit: 7, page: 2 })
      t.same(idsOf(through), all.slice(7, 14))
      const { next_cursor: cursor } = through.body
      t.same(idsOf(await query(url, { ...asked, limit: 5, cursor })), all.slice(14, 19), `${what}: from a page on, by another limit`) // biome-ignore format: one line
    }
  })

t.test('while others write, pages from a snapshot are those of the first moment, by whatever order', async (t) => {
  for (const [what, asked] of Object.entries(queries)) {
    const before = idsOf(await query(engine, { ...asked, limit: 1_000 }))
    let next = count
    const ids = await walked(t, engine, { ...asked, cursor: true }, async (page) => {
      if (page > 4) return
      next += 1
      const { body } = await post(`${engine}/api/orders`, order(next))
      // What was to come late comes first now, and the other way round.
      await patch(`${engine}/api/orders/${before.at(-1 - page)}?wait=persisted`, { amount: 5, customer_id: `a${page}`, product_name: 'RED JUMBO' }) // biome-ignore format: one line
      await patch(`${engine}/api/orders/${before[page]}?wait=persisted`, { customer_id: null, product_name: 'MUG' })
      await until('it is found', async () => totalOf(await query(engine, { where: { keyword_match: { must: { id: body['order_id'] } } } })) === 1) // biome-ignore format: one line
    })
    t.same(ids, before, what)
  }
})

t.test(
  'Postgres goes on by sort values and by score: what stays as it is comes once, whatever comes and goes',
  async (t) => {
    for (const [what, asked] of Object.entries(queries)) {
      const before = idsOf(await query(postgres, { ...asked, limit: 1_000 }))
      const gone = before.filter((_, at) => at % 9 === 8).slice(0, 5)
      let next = count * 2
      const ids = await walked(t, postgres, asked, async (page) => {
        const id = gone[page]
        if (id === undefined) return
        next += 1
        await post(`${postgres}/api/orders?wait=persisted`, order(next))
        await remove(`${postgres}/api/orders/${id}?wait=persisted`)
      })
      t.equal(new Set(ids).size, ids.length, `${what}: none twice`)
      const stayed = before.filter((id) => !gone.includes(id))
      t.same(ids.filter((id) => stayed.includes(id)), stayed, `${what}: none left out`) // biome-ignore format: one line
    }
  },
)

t.test('the snapshot is let go of after the last page', async (t) => {
  const first = await query(engine, { ...queries['a time'], limit: 60, cursor: true })
  const { next_cursor: cursor = '' } = first.body
  const snapshot = snapshotOf(first)
  const ask = () => post(`${address}/_search`, { size: 0, pit: { id: snapshot } })
  t.equal((await ask()).status, 200)
  t.equal((await query(engine, { ...queries['a time'], limit: 1_000, cursor })).body.next_cursor, undefined)
  await until('it is gone', async () => (await ask()).status === 404)
})

t.test(
  'a cursor that was edited, cut, made elsewhere, or is of another query is refused, and none is a 5xx',
  async (t) => {
    const asked = { ...queries['an optional field'], limit: 7 }
    const { next_cursor: good = '' } = (await query(engine, asked)).body
    const [payload = '', mark = ''] = good.split('.')
    const said = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
    const forged = (change: object) => Buffer.from(JSON.stringify({ ...said, ...change })).toString('base64url')
    const codeOf = async (url: string, body: object) => {
      const answer = await query(url, body)
      t.equal(answer.status, 422, JSON.stringify(body).slice(0, 200))
      t.equal(answer.body.errors?.length, 1)
      t.equal(answer.body.errors?.[0]?.pointer, '/cursor')
      return answer.body.errors?.[0]?.code
    }
    for (const cursor of [
    '', '.', 'x', payload, `${payload}.`, `.${mark}`, `${payload}.${mark}.`, `${payload}.${mark.slice(0, -1)}`, `${good}=`, `${good} `,
    `${payload}.${mark.slice(0, -1)}${mark.endsWith('A') ? 'B' : 'A'}`, `${forged({ until_ms: 1e15 })}.${mark}`, `${forged({ engine: 'postgres' })}.${mark}`,
    `${forged({ from: -1 })}.${mark}`, 'é'.repeat(3), '\u0000', '\ud800', 'x'.repeat(9_000), '../../etc', "' OR 1=1", 1, false, null, {}, ['true'],
  ]) // biome-ignore format: table
      t.equal(await codeOf(engine, { ...asked, cursor }), 'cursor', JSON.stringify(cursor).slice(0, 60))
    t.equal(await codeOf(stranger, { ...asked, cursor: good }), 'cursor', 'of another secret')
    for (const other of [
      { ...asked, where: anyWord },
      { ...asked, order_by: [{ order_by: 'customer_id' }, { order_by: 'amount' }] },
      {},
    ])
      t.equal(await codeOf(engine, { ...other, cursor: good }), 'cursor-query')
    t.equal(await codeOf(engine, { ...asked, cursor: good, search_after: [null, 1, idsOf(await query(engine, asked))[0]] }), 'cursor') // biome-ignore format: one line
    const fine = await query(postgres, {
      ...asked,
      limit: 3,
      highlight: true,
      select_columns: ['amount'],
      cursor: good,
    })
    t.equal(fine.status, 200, 'another process, another page size and other members are no other query')
  },
)

t.test(
  'when the engine dies between pages, sorted ones go on in Postgres, and a ranking says to start over',
  async (t) => {
    const [sorted, ranked] = [
      { ...queries['an optional field'], limit: 7 },
      { ...queries['relevance'], limit: 7 },
    ]
    const all = idsOf(await query(fragile, { ...sorted, limit: 1_000 }))
    const begun: { first: Awaited<ReturnType<typeof query>>; best: Awaited<ReturnType<typeof query>> }[] = []
    for (const cursor of [true, undefined]) {
      const first = await query(fragile, { ...sorted, ...(cursor && { cursor }) })
      t.equal(first.body.engine, 'elasticsearch')
      begun.push({ first, best: await query(fragile, { ...ranked, ...(cursor && { cursor }) }) })
    }
    way.cut()
    for (const { first, best } of begun) {
      const rest = await walked(t, fragile, { ...sorted, cursor: first.body.next_cursor })
      t.same([...idsOf(first), ...rest], all)
      const lost = await query(fragile, { ...ranked, cursor: best.body.next_cursor })
      t.match(lost.body, {
        status: 422,
        errors: [{ pointer: '/cursor', code: 'cursor-lost', detail: /[Ss]tart over/ }],
      })
      const again = await walked(t, fragile, ranked)
      t.same(again, idsOf(await query(postgres, { ...ranked, limit: 1_000 })), 'over again it is Postgres')
    }
    way.mend()
    await until('the engine is back', async () => (await query(fragile, {})).body.engine === 'elasticsearch')
  },
)

t.test('when its snapshot is gone, sorted pages go on, and a ranking says to start over', async (t) => {
  const [sorted, ranked] = [
    { ...queries['an optional field'], limit: 7 },
    { ...queries['relevance'], limit: 7 },
  ]
  const all = idsOf(await query(engine, { ...sorted, limit: 1_000 }))
  const first = await query(engine, { ...sorted, cursor: true })
  const best = await query(engine, { ...ranked, cursor: true })
  await fetch(`${address}/_pit`, { method: 'DELETE', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ id: snapshotOf(first) }) }) // biome-ignore format: one line
  await fetch(`${address}/_pit`, { method: 'DELETE', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ id: snapshotOf(best) }) }) // biome-ignore format: one line
  const rest = await walked(t, engine, { ...sorted, cursor: first.body.next_cursor })
  t.same([...idsOf(first), ...rest], all)
  const lost = await query(engine, { ...ranked, cursor: best.body.next_cursor })
  t.match(lost.body, { status: 422, errors: [{ code: 'cursor-lost' }] })
  t.equal((await query(engine, {})).body.engine, 'elasticsearch', 'the engine is not blamed')
})

t.test('page times limit is 10,000 at most, and beyond that the cursor is named', async (t) => {
  t.equal((await query(engine, { page: 10, limit: 1_000 })).status, 200)
  const { body } = await query(engine, { page: 11, limit: 1_000 })
  t.match(body, { status: 422, errors: [{ pointer: '/page', detail: /cursor/ }] })
  t.match((await get(`${engine}/api/search?q=red&page=101&limit=100`)).body, { status: 422, errors: [{ parameter: 'page', detail: /cursor/ }] }) // biome-ignore format: one line
  t.match((await query(engine, { page: 2, cursor: true })).body, { errors: [{ pointer: '/page' }] })
})

function snapshotOf({ body: { next_cursor = '' } }: { body: Body }): string {
  return (JSON.parse(Buffer.from(next_cursor.split('.')[0] ?? '', 'base64url').toString()) as { snapshot: string })
    .snapshot
}
