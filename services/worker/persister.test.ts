import type { Chain, Outcome, Table } from '@ordermill/database'
import { BadData, Doubtful, orders, Unavailable, type Version } from '@ordermill/model'
import { firstOrder, orderChain } from '@ordermill/model/testing'
import { type Batch, barrierMessage, type Delivery, recordMessage } from '@ordermill/queue'
import { until } from '@ordermill/servers/testing'
import { createLogger, createRegistry, workerMetrics } from '@ordermill/telemetry'
import t, { type Test } from 'tap'
import type { Parking, Reason } from './parking.ts'
import { runPersister } from './persister.ts'

let tag = 0
const deliveryOf = (version: Version, headers: object = {}): Delivery => {
  const { body, properties } = recordMessage(version, { exchange: '', collection: 'orders', type: 'orders.v1' })
  const changed = { ...properties, headers: { ...properties.headers, ...headers } }
  return { body, properties: changed as unknown as Delivery['properties'], redelivered: false, tag: ++tag }
}
const unreadable = () => deliveryOf(firstOrder(), { hash: 'x' })

interface Script {
  /** Fails, or gives what the table would; all is inserted by default. */
  apply?: (chains: Chain[], signal: AbortSignal) => Promise<Outcome[][]>
  probe?: Table['probe']
  park?: Parking['park']
  deadline_ms?: number
}
/** Runs a persister on these batches, and tells in order what it did. */
const run = (t: Test, batches: Delivery[][], { apply, probe, park, deadline_ms = 5_000 }: Script) => {
  const did: string[] = []
  const stop = new AbortController()
  const gone = batches.map(() => new AbortController())
  const nameOf = (delivery: Delivery) => String(delivery.properties.messageId)
  const batchOf = (deliveries: Delivery[], at: number): Batch => ({
    deliveries,
    signal: gone[at]?.signal ?? stop.signal,
    giveBack: () => {
      did.push('give back')
      gone[at]?.abort()
    },
    settled: (done) => void did.push(...done.map((delivery) => `ack ${nameOf(delivery)}`)),
  })
  const parked = new Map<Delivery, Reason>()
  const unused = async () => {
    throw new Error('not used here')
  }
  const table: Table = {
    tryOut: unused,
    probe: probe ?? unused,
    async apply(chains, signal) {
      const outcomes = await (apply?.(chains, signal) ??
        Promise.resolve(chains.map((chain) => chain.map((): Outcome => 'inserted'))))
      did.push(...chains.flat().map(({ id, version }) => `commit ${id}:${version}`))
      return outcomes
    },
  }
  const running = runPersister({
    collection: orders,
    consumer: {
      async *batches() {
        for (const [at, deliveries] of batches.entries()) yield batchOf(deliveries, at)
      },
    },
    table,
    parking: {
      async park(some) {
        await park?.(some)
        for (const { delivery, reason } of some) parked.set(delivery, reason)
        did.push(...some.map(({ delivery }) => `park ${nameOf(delivery)}`))
      },
    },
    lone: { begin: async () => undefined, end: async () => undefined },
    settle: async (versions) => void did.push(...versions.map(({ id, version }) => `settle ${id}:${version}`)),
    passBarrier: async (barrier) => void did.push(`pass ${barrier}`),
    answer: (delivery, outcome) => void did.push(`${outcome} ${nameOf(delivery)}`),
    wakeFollower: () => undefined,
    deadline_ms,
    log: createLogger({ service: 'test', level: 'silent' }),
    metrics: workerMetrics(createRegistry('test'), []),
    stop: stop.signal,
  })
  t.teardown(() => stop.abort())
  return { did, parked, running, stop, gone }
}
const nameOf = ({ id, version }: Version) => `${id}:${version}`
const indexOf = (did: string[], what: string) => {
  const at = did.indexOf(what)
  if (at < 0) throw new Error(`it never did: ${what}`)
  return at
}

t.test('nothing is acked or settled before its commit, and nothing is parked after its ack', async (t) => {
  const [first, second, third] = orderChain()
  const bad = unreadable()
  const { did, running } = run(t, [[deliveryOf(first), deliveryOf(second), bad], [deliveryOf(third)]], {})
  await running
  for (const version of [first, second, third]) {
    t.ok(indexOf(did, `commit ${nameOf(version)}`) < indexOf(did, `ack ${nameOf(version)}`))
    t.ok(indexOf(did, `commit ${nameOf(version)}`) < indexOf(did, `settle ${nameOf(version)}`))
    t.ok(indexOf(did, `ack ${nameOf(version)}`) <= indexOf(did, `persisted ${nameOf(version)}`))
  }
  const name = String(bad.properties.messageId)
  t.ok(indexOf(did, `park ${name}`) < indexOf(did, `ack ${name}`))
  t.notOk(did.includes(`settle ${name}`))
})

t.test('while nothing can be parked the good ones of this batch and the next are persisted and acked', async (t) => {
  const good = [firstOrder(), firstOrder(), firstOrder()]
  const [a, b, c] = good.map((order) => deliveryOf(order))
  if (a === undefined || b === undefined || c === undefined) throw new Error('three')
  const bad = unreadable()
  let open = false
  const park = async () => {
    if (!open) throw new Unavailable('queue-away', 'blocked')
  }
  const { did, running } = run(t, [[bad, a], [b], [c]], { park })
  await until('all good ones are acked', () => good.every((order) => did.includes(`ack ${nameOf(order)}`)))
  const name = String(bad.properties.messageId)
  t.notOk(did.includes(`ack ${name}`), 'the bad one is kept')
  open = true
  await running
  t.ok(did.includes(`ack ${name}`), 'and parked before it ends')
})

t.test('conflicts and bad data are parked with their reason, everything else of the batch is settled', async (t) => {
  const [good, conflict, bad] = [firstOrder(), firstOrder(), firstOrder()]
  const deliveries = [good, conflict, bad].map((order) => deliveryOf(order))
  const { did, parked, running } = run(t, [deliveries], {
    async apply(chains) {
      if (chains.flat().some(({ id }) => id === bad.id)) throw new BadData('sql-22003', 'too large')
      return chains.map(([{ id }]): Outcome[] => [id === conflict.id ? 'conflict' : 'inserted'])
    },
  })
  await running
  t.same(
    deliveries.map((delivery) => parked.get(delivery)?.code),
    [undefined, 'conflict', 'sql-22003'],
  )
  t.same(
    did.filter((what) => what.startsWith('settle')),
    [`settle ${nameOf(good)}`],
  )
  t.equal(did.filter((what) => what.startsWith('ack')).length, 3)
})

t.test(
  'an attempt that hangs is ended at its deadline and repeated in hand; what the first brings late is ignored',
  async (t) => {
    const order = firstOrder()
    const { promise: late, resolve } = Promise.withResolvers<Outcome[][]>()
    const signals: AbortSignal[] = []
    const { did, running } = run(t, [[deliveryOf(order)]], {
      deadline_ms: 150,
      apply(_, signal) {
        signals.push(signal)
        return signals.length === 1 ? late : Promise.resolve([['inserted']])
      },
    })
    await running
    t.equal(signals.length, 2)
    t.equal(signals[0]?.aborted, true)
    resolve([['conflict']])
    await late
    t.same(
      did.filter((what) => /^(ack|park)/.test(what)),
      [`ack ${nameOf(order)}`],
    )
  },
)

t.test('a batch whose channel is gone is given up without an ack, and the next one is persisted', async (t) => {
  const [lost, next] = [firstOrder(), firstOrder()]
  const { promise: tried, resolve } = Promise.withResolvers<void>()
  const { did, running, gone } = run(t, [[deliveryOf(lost)], [deliveryOf(next)]], {
    async apply(chains) {
      if (chains[0]?.[0].id !== lost.id) return [['inserted']]
      resolve()
      throw new Unavailable('database-away', 'away')
    },
  })
  await tried
  gone[0]?.abort()
  await running
  t.notOk(did.includes(`ack ${nameOf(lost)}`))
  t.ok(did.includes(`ack ${nameOf(next)}`))
})

t.test('a defect ends the persister instead of being retried or acked', async (t) => {
  const order = firstOrder()
  const { did, running } = run(t, [[deliveryOf(order)]], {
    apply: async () => Promise.reject(new TypeError('a defect')),
  })
  await t.rejects(running, new TypeError('a defect'))
  t.same(did, [])
  const parking = run(t, [[unreadable()], [deliveryOf(order)]], {
    park: async () => Promise.reject(new TypeError('another')),
  })
  await t.rejects(parking.running, new TypeError('another'))
})

t.test('a barrier comes through when all before it and all of its own batch is committed, and is acked', async (t) => {
  const [first, second] = [firstOrder(), firstOrder()]
  const { body, properties } = barrierMessage('b-1', { exchange: '', collection: orders.name })
  const barrier = { body, properties: properties as unknown as Delivery['properties'], redelivered: false, tag: 9 }
  const { did, running } = run(t, [[deliveryOf(first)], [barrier, deliveryOf(second)]], {})
  await running
  const passed = indexOf(did, 'pass b-1')
  for (const version of [first, second]) t.ok(indexOf(did, `commit ${nameOf(version)}`) < passed, did.join())
  t.ok(passed < indexOf(did, 'ack b-1'))
})

t.test(
  'what stays unavailable for three deadlines goes back to the queue, and is neither acked nor parked',
  async (t) => {
    const [lost, next] = [firstOrder(), firstOrder()]
    const { did, running } = run(t, [[deliveryOf(lost), unreadable()], [deliveryOf(next)]], {
      deadline_ms: 100,
      apply: async (chains) => {
        if (chains[0]?.[0].id === lost.id) throw new Unavailable('database-away', 'away')
        return [['inserted']]
      },
      park: async () => Promise.reject(new Unavailable('queue-away', 'blocked')),
    })
    const started = performance.now()
    await running
    t.ok(performance.now() - started >= 300)
    t.ok(indexOf(did, 'give back') < indexOf(did, `ack ${nameOf(next)}`))
    t.equal(did.filter((what) => /^(ack|park)/.test(what)).length, 1, 'nothing but the next batch')
  },
)

t.test('a record that fails each time while others can be written is alone in the end, and parked', async (t) => {
  const batch = Array.from({ length: 100 }, () => firstOrder())
  const bad = batch[42]
  let attempts = 0
  const { did, parked, running } = run(t, [batch.map((order) => deliveryOf(order))], {
    probe: async () => undefined,
    async apply(chains) {
      if (!chains.flat().some(({ id }) => id === bad?.id)) return chains.map((): Outcome[] => ['inserted'])
      attempts += 1
      throw new Doubtful('database-XX000', 'a broken page')
    },
  })
  await running
  t.same([...parked.values()], [{ code: 'unpersistable', message: 'database-XX000: a broken page' }])
  t.equal(did.filter((what) => what.startsWith('settle')).length, 99)
  t.equal(attempts, 2 * 4 + 4, 'twice for 100, 25, 7 and 2 of them, four times alone')
})

const flapping: [string, Script['apply'], Script['probe']][] = [
  [
    'a probe fails as well every other time',
    undefined,
    (
      (count) => async () =>
        void (count++ % 2 === 0 ? undefined : await Promise.reject(new Unavailable('database-away', 'away')))
    )(0),
  ],
  [
    'a probe takes long',
    undefined,
    () => new Promise((resolve) => setTimeout(resolve, 60)), // of 200: more than a quarter
  ],
  [
    'it is a lock every other time',
    (
      (count) => async () =>
        Promise.reject(
          count++ % 2 === 0 ? new Doubtful('deadline', 'slow') : new Unavailable('database-55P03', 'locked'),
        )
    )(0),
    async () => undefined,
  ],
  ['it is a lock', async () => Promise.reject(new Unavailable('database-55P03', 'locked')), async () => undefined],
]
for (const [when, apply, probe] of flapping)
  t.test(`a record is kept, whatever it fails with, when ${when}`, async (t) => {
    let attempts = 0
    const { did, parked, running, stop } = run(t, [[deliveryOf(firstOrder())]], {
      deadline_ms: 200,
      async apply(chains, signal) {
        attempts += 1
        if (attempts === 9) stop.abort()
        if (apply === undefined) throw new Doubtful('database-57014', 'canceled')
        return apply(chains, signal)
      },
      ...(probe === undefined ? {} : { probe }),
    })
    await running
    t.equal(parked.size, 0)
    t.notOk(did.some((what) => what.startsWith('ack')))
  })
