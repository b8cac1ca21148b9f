import { BadData, firstVersion, hashOf, newId, orders, type Version } from '@ordermill/model'
import { firstOrder, orderChain } from '@ordermill/model/testing'
import fc from 'fast-check'
import t from 'tap'
import { type Chain, createTable, type Database, type Outcome } from './index.ts'
import { testDatabase, whenever } from './testing.ts'

const { database } = await testDatabase(t)
/** As enough others to be copied. */
const company = () => Array.from({ length: 40 }, (): Chain => [firstOrder()])

/** A table of its own connections, and the first words of what is said to them. */
function overheard(): { apply(chains: Chain[], signal?: AbortSignal): Promise<Outcome[][]>; said: string[] } {
  const said: string[] = []
  const listening: Database = {
    ...database,
    transaction: (work, options) =>
      database.transaction(
        (session) =>
          work({
            query(statement) {
              said.push(/^\w+/.exec(statement.text)?.[0] ?? '')
              return session.query(statement)
            },
          }),
        options,
      ),
  }
  const table = createTable(listening, orders)
  return { apply: (chains, signal = whenever()) => table.apply(chains, signal), said }
}
const rowOf = async (id: string) => {
  const [row] = await database.query<Record<string, unknown>>({
    text: 'SELECT to_jsonb(o) - $2::text[] AS row FROM orders o WHERE id = $1',
    values: [id, ['id', 'change_seq', 'hash']],
  })
  return row?.['row']
}
const textsThere = async (ids: string[]) => {
  const rows = await database.query<{ id: string; product_name: string; reference: string | null }>({
    text: 'SELECT id, product_name, reference FROM orders WHERE id = ANY($1)',
    values: [ids],
  })
  return new Map(rows.map((row) => [row.id, row]))
}

t.test('many new records are copied, a few are inserted, and one stands as the other does', async (t) => {
  const now = '2026-01-31T09:30:00.000Z'
  const contents = [
    { product_name: 'Tea', amount: 12.5 },
    { product_name: 'a\tb\nc\rd\\e "f" \\N \\. ü 😀', amount: 0.0001, customer_id: '\\N', reference: '\\.' },
    { product_name: '\\.', amount: 999_999_999_999.99, quantity: 2_147_483_647, currency: 'JPY' },
  ]
  for (const content of contents) {
    const make = (key?: object): Version =>
      firstVersion(orders, { id: newId(), content: content as never, now, ...key })
    const keyed = { key: { key: 'k "1"\\', fingerprint: 'f' } }
    const [one, other] = [make(keyed), make(keyed)]
    const [few, many] = [overheard(), overheard()]
    t.same(await few.apply([[one]]), [['inserted']])
    t.same((await many.apply([[other], ...company()]))[0], ['inserted'])
    t.same([few.said, many.said], [['INSERT'], ['COPY']])
    t.ok(await rowOf(one.id))
    t.same(await rowOf(other.id), await rowOf(one.id))
  }
})

t.test('a record made before fields were added takes their defaults, alone and in company', async (t) => {
  const at = '2026-01-31T09:30:00.000Z'
  const old = (): Version => {
    const id = newId()
    const text = `{"id":"${id}","version":1,"status":"placed","product_name":"OLD","amount":1.5,"created_at":"${at}","updated_at":"${at}"}`
    return { id, version: 1, hash: hashOf(text, null), parent: null, text, deleted: false, keys: [] }
  }
  const [one, other] = [old(), old()]
  const { apply, said } = overheard()
  await apply([[one]])
  await apply([[other], ...company()])
  t.same(said, ['INSERT', 'COPY'])
  const row = await rowOf(one.id)
  t.match(row, { quantity: 1, currency: 'USD', customer_id: null, placed_at: /^2026-01-31T09:30:00/ })
  t.same(await rowOf(other.id), row)
})

t.test('every text comes through a COPY as it is', async (t) => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 })
  const odd = fc.array(fc.constantFrom('\\', '\t', '\n', '\r', 'N', '.', '\\N', '\u2028', '\b', '\v', '"', 'é'), {
    minLength: 1,
  })
  const texts = [...fc.sample(text, 200), ...fc.sample(odd, 200).map((some) => some.join(''))].map(
    (some) => `<${some}>`,
  )
  const versions = texts.map((product_name) => firstOrder({ product_name, reference: product_name }))
  const { apply, said } = overheard()
  await apply(versions.map((version): Chain => [version]))
  t.same(said, ['COPY'])
  const there = await textsThere(versions.map(({ id }) => id))
  for (const [at, { id }] of versions.entries())
    t.match(there.get(id), { product_name: texts[at], reference: texts[at] })
})

t.test(
  'where one of many is there already the others are inserted, and so are those of the next batches',
  async (t) => {
    const [first, second] = orderChain()
    const { apply, said } = overheard()
    await apply([[first]])
    const many = company()
    t.same(await apply([[first, second], ...many]), [['duplicate', 'updated'], ...many.map(() => ['inserted'])])
    t.same(said.slice(0, 3), ['INSERT', 'COPY', 'INSERT'])
    await apply(company())
    t.equal(said.at(-1), 'INSERT')
    for (let batch = 0; batch < 20; batch += 1) await apply(company())
    t.equal(said.at(-1), 'COPY', 'after a while it is tried again')
  },
)

t.test(
  'what is no first version is inserted beside those that are copied, and a chain of one is copied whole',
  async (t) => {
    const [first, second] = orderChain()
    const [begun, changed] = orderChain()
    const { apply, said } = overheard()
    await apply([[begun]])
    const outcomes = await apply([[changed], [first, second], ...company()])
    t.same(outcomes.slice(0, 2), [['updated'], ['superseded', 'inserted']])
    t.same(said.slice(1, 3), ['COPY', 'INSERT'])
  },
)

t.test('what Postgres refuses in a COPY is bad data, nothing of it stands, and the connection goes on', async (t) => {
  const many = company()
  const bad = firstOrder({ quantity: 1 })
  const text = bad.text.replace('"quantity":1', '"quantity":3000000000')
  const { apply } = overheard()
  const chain: Chain = [{ ...bad, text, hash: hashOf(text, null) }]
  await t.rejects(apply([chain, ...many]), { constructor: BadData, code: 'sql-22003' })
  t.equal((await textsThere(many.map(([{ id }]) => id))).size, 0)
  t.same(
    await apply(many),
    many.map(() => ['inserted']),
  )
})

t.test('half of a surrogate pair does not become another character', async (t) => {
  const half = firstOrder({ reference: 'half' })
  const text = half.text.replace('"half"', '"\\ud800"')
  const { apply, said } = overheard()
  await t.rejects(apply([[{ ...half, text, hash: hashOf(text, null) }], ...company()]), { code: 'sql-22P02' })
  t.same(said, ['INSERT'])
})

t.test('a number in a spelling of its own means the same in whatever company', async (t) => {
  for (const [spelled, isTaken] of [
    ['1.0', false],
    ['1e0', false],
    ['-0', true],
  ] as const) {
    const order = firstOrder({ quantity: 1 })
    const text = order.text.replace('"quantity":1', `"quantity":${spelled}`)
    const chain: Chain = [{ ...order, text, hash: hashOf(text, null) }]
    const { apply } = overheard()
    const inCompany = apply([chain, ...company()])
    if (isTaken) t.same((await inCompany)[0], ['inserted'])
    else await t.rejects(inCompany, { code: 'sql-22P02' })
    if (isTaken) t.same(await overheard().apply([chain]), [['duplicate']])
    else await t.rejects(overheard().apply([chain]), { code: 'sql-22P02' })
  }
})

t.test('what fails by COPY alone is inserted', async (t) => {
  const refusing: Database = {
    ...database,
    transaction: (work, options) =>
      database.transaction((session) => {
        const query: typeof session.query = (statement) =>
          session.query(
            statement.input === undefined
              ? statement
              : { text: "DO $$ BEGIN RAISE 'not by COPY' USING ERRCODE = '0A000'; END $$" },
          )
        return work({ query })
      }, options),
  }
  const many = company()
  t.same(
    await createTable(refusing, orders).apply(many, whenever()),
    many.map(() => ['inserted']),
  )
})

t.test('an attempt that is cut while it copies never commits', async (t) => {
  const many = company()
  const attempt = new AbortController()
  const { apply } = overheard()
  const copying = apply(many, attempt.signal)
  setImmediate(() => attempt.abort())
  const outcome = await copying.then(
    () => 'committed',
    () => 'cut',
  )
  t.equal((await textsThere(many.map(([{ id }]) => id))).size, outcome === 'cut' ? 0 : many.length)
  t.equal((await apply(company())).length, 40)
})
