import type { Chain, Outcome } from '@ordermill/database'
import { BadData, Unavailable } from '@ordermill/model'
import { firstOrder, orderChain } from '@ordermill/model/testing'
import fc from 'fast-check'
import t from 'tap'
import { bisectBadData } from './bisect.ts'

/** A table that takes everything but the versions with these hashes, all or nothing. */
const tableWithout = (bad: Set<string>) => {
  const taken = new Set<string>()
  let calls = 0
  return {
    taken,
    calls: () => calls,
    async apply(chains: Chain[]): Promise<Outcome[][]> {
      calls += 1
      for (const { hash } of chains.flat()) if (bad.has(hash)) throw new BadData('sql-23514', `no ${hash}`)
      for (const { hash } of chains.flat()) taken.add(hash)
      return chains.map((chain) => chain.map((_, at) => (at < chain.length - 1 ? 'superseded' : 'inserted')))
    },
  }
}

t.test(
  'whichever records are bad, exactly they are given up with their reason, and all others are applied',
  async (t) => {
    const all = Array.from({ length: 40 }, () => firstOrder())
    await fc.assert(
      fc.asyncProperty(fc.subarray(all), fc.subarray(all), async (batch, bad) => {
        const table = tableWithout(new Set(bad.map(({ hash }) => hash)))
        const verdicts = await bisectBadData(
          batch.map((order) => [order]),
          table.apply,
        )
        t.equal(verdicts.size, batch.length)
        for (const order of batch) {
          const verdict = verdicts.get(order)
          if (bad.includes(order)) t.match(verdict, { code: 'sql-23514', message: `no ${order.hash}` })
          else t.equal(verdict, 'inserted')
          t.equal(table.taken.has(order.hash), !bad.includes(order))
        }
      }),
    )
  },
)

t.test('one bad record among 500 is found in few attempts', async (t) => {
  const batch = Array.from({ length: 500 }, () => firstOrder())
  const bad = batch[321]
  const table = tableWithout(new Set([bad?.hash ?? '']))
  await bisectBadData(
    batch.map((order) => [order]),
    table.apply,
  )
  t.equal(table.taken.size, 499)
  t.ok(table.calls() <= 2 * Math.ceil(Math.log2(500)) + 1, `${table.calls()} attempts`)
})

t.test('of a chain whose last version is bad the ones before it are applied', async (t) => {
  const [first, second, third] = orderChain()
  const table = tableWithout(new Set([third.hash]))
  const verdicts = await bisectBadData([[first, second, third], [firstOrder()]], table.apply)
  t.equal(verdicts.get(first), 'superseded')
  t.equal(verdicts.get(second), 'inserted')
  t.type(verdicts.get(third), BadData)
})

t.test(
  'of a chain whose first version is bad all are given up: nothing stands that the others were built on',
  async (t) => {
    const chain = orderChain()
    const table = tableWithout(new Set([chain[0].hash]))
    const verdicts = await bisectBadData([chain], table.apply)
    for (const version of chain) t.type(verdicts.get(version), BadData)
    t.equal(table.taken.size, 0)
  },
)

t.test('what is unavailable is not taken for bad data', async (t) => {
  const apply = async () => Promise.reject(new Unavailable('database-away', 'away'))
  await t.rejects(bisectBadData([[firstOrder()], [firstOrder()]], apply), { code: 'database-away' })
})

t.test('a version without an outcome is an error, and never taken as done', async (t) => {
  await t.rejects(
    bisectBadData([[firstOrder()]], async () => [[]]),
    { message: /no outcome/ },
  )
})

t.test('nothing to apply is not tried', async (t) => {
  const table = tableWithout(new Set())
  t.equal((await bisectBadData([], table.apply)).size, 0)
  t.equal(table.calls(), 0)
})
