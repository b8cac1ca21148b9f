import { orders, type Query } from '@ordermill/model'
import fc from 'fast-check'
import t from 'tap'
import { createSeal, sealKey } from './seal.ts'
import { createWalk } from './walking.ts'

t.test(
  'what is sealed comes out as it went in, and with one letter changed, added or missing not at all',
  async (t) => {
    const seal = createSeal(Buffer.from('a key'))
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(), fc.string({ minLength: 0, maxLength: 1 }), (value, at, letter) => {
        const text = seal.close(value)
        const where = at % text.length
        const edited = text.slice(0, where) + letter + text.slice(where + 1)
        const same = JSON.stringify(seal.open(text)) === JSON.stringify(value)
        return same && (edited === text || seal.open(edited) === undefined)
      }),
      { numRuns: 2_000, seed: 7 },
    )
    t.equal(createSeal(Buffer.from('another')).open(seal.close(1)), undefined)
    for (const text of ['', '.', '..', 'a', seal.close(1).split('.').reverse().join('.')]) t.equal(seal.open(text), undefined) // biome-ignore format: one line
  },
)

t.test(
  'processes that are configured alike have the same key; those that are not have one of their own, and hear of it',
  async (t) => {
    let alone = 0
    const keyOf = (secret: string, token: string) =>
      sealKey({ secret, token, onAlone: () => (alone += 1) }).toString('hex')
    t.equal(keyOf('a secret that is long', 'x'), keyOf('a secret that is long', 'y'))
    t.equal(keyOf('', 'token'), keyOf('', 'token'))
    t.not(keyOf('', 'token'), keyOf('', 'other'))
    t.notOk(keyOf('', 'token').includes(Buffer.from('token').toString('hex')))
    t.equal(alone, 0)
    t.not(keyOf('', ''), keyOf('', ''))
    t.equal(alone, 2)
  },
)

t.test('a cursor is good for an hour', async (t) => {
  let now = 0
  const hits = ['a', 'b'].map((id) => ({ id, score: null, sort: [id] }))
  const walk = createWalk({
    collection: orders,
    search: async () => ({ hits, total: { value: 2, relation: 'eq' }, engine: 'postgres', lag: undefined }),
    seal: createSeal(Buffer.from('a key')),
    letGo: () => undefined,
    now: () => now,
  })
  const query: Query = { where: { kind: 'all', of: [] }, sort: [{ field: 'id', descending: false }], from: 0, size: 1 }
  const { next_cursor: cursor } = await walk({ query, cursor: undefined }, '')
  now = 3_600_000
  t.type((await walk({ query, cursor }, '')).next_cursor, 'string')
  now += 1
  const late = await walk({ query, cursor }, '').catch((thrown: unknown) => thrown)
  t.match(late, { faults: [{ pointer: '/cursor', code: 'cursor-expired' }] })
})
