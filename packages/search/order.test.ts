import { newId, orders, queryFields } from '@ordermill/model'
import fc from 'fast-check'
import t from 'tap'
import { idHalves } from './folded.ts'
import { readQuery } from './index.ts'
import { compileOrder } from './order.ts'

t.test('ids of every version stand in the order of their halves', (t) => {
  const compared = (one: bigint, other: bigint) => (one < other ? -1 : one > other ? 1 : 0)
  const byHalves = (one: string, other: string) => {
    const [[high, low], [otherHigh, otherLow]] = [idHalves(one), idHalves(other)]
    return compared(high, otherHigh) || compared(low, otherLow)
  }
  const isLong = (half: bigint) => BigInt.asIntN(64, half) === half
  fc.assert(
    fc.property(fc.uuid(), fc.uuid(), (one, other) => {
      t.ok([...idHalves(one), ...idHalves(other)].every(isLong))
      t.equal(byHalves(one, other), one < other ? -1 : one > other ? 1 : 0)
    }),
    { examples: [['00000000-0000-5000-8000-000000000000', 'ffffffff-ffff-5fff-bfff-ffffffffffff']] },
  )
  t.end()
})

const fields = queryFields(orders)
const order = (search_type: string, more: object = {}) => {
  const text_matches = { must: [{ filter_key: 'product_name', text_value: 'red bag', search_type, ...more }] }
  return compileOrder(readQuery(orders, { where: { text_matches } }).query, fields)
}

t.test('where all hits score alike the id alone orders them; else the score goes first', (t) => {
  const first = (of: ReturnType<typeof order>) => Object.keys([of.request.sort].flat()[0] ?? {})
  for (const alike of [
    order('prefix'),
    order('substring'),
    order('shuffle', { text_value: 'lantren hoder', fuzzy: true }),
  ]) {
    t.same(first(alike), ['id-high'])
    t.equal(alike.score(null), 2, 'nobody need say it')
  }
  for (const search_type of ['exact', 'shuffle']) {
    t.same(first(order(search_type)), ['_score'], search_type)
    t.equal(order(search_type).score(1.5), 1.5)
  }
  t.same(first(order('prefix', { operator: 'or' })), ['_score'], 'one word or both')
  t.same(
    first(order('shuffle', { text_value: 'ed bag', fuzzy: true })),
    ['_score'],
    'a short word is not misspelt, and scores',
  )
  const hit = { id: newId(), score: 2 }
  for (const search_type of ['prefix', 'exact']) t.same(order(search_type).sortValues([], hit), [2, hit.id])
  t.end()
})
