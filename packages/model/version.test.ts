import { deepStrictEqual, partialDeepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type Base, fingerprint, firstVersion, hashOf, newId, nextVersion, orders, parseRecord, readCreate, tombstone, type Version } from './index.ts' // biome-ignore format: one line
import { now } from './testing.ts'
import { keysMax } from './version.ts'

const later = '2026-02-01T00:00:00.000Z'
const code = fc.option(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).filter((text) => !text.includes('\0')),
)
/** Any content that POST accepts. */
const contents = fc
  .record({
    product_name: fc
      .string({ unit: 'binary', maxLength: 100 })
      .filter((text) => text.trim() !== '' && !text.includes('\0')),
    quantity: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    amount: fc.integer({ min: 0, max: 10 ** 14 - 1 }).map((cents) => cents / 100),
    currency: fc.constantFrom('USD', 'GBP', 'EUR'),
    customer_id: code,
    reference: code,
    placed_at: fc
      .date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })
      .map((at) => at.toISOString()),
  })
  .map((body) => readCreate(orders, body, now))

const first = (content: ReturnType<typeof readCreate<(typeof orders)['fields']>>, id = newId()) =>
  firstVersion(orders, { id, content, now })
const baseOf = (version: Version): Base => ({ ...version, record: parseRecord(orders, version.text) })
const some = readCreate(orders, { product_name: 'Tea', amount: 1 }, now)

t.test('the text of any version parses again to what went in', async () => {
  fc.assert(
    fc.property(contents, (content) => {
      const { text, id } = first(content)
      deepStrictEqual(parseRecord(orders, text), {
        id,
        version: 1,
        status: 'placed',
        ...content,
        created_at: now,
        updated_at: now,
      })
    }),
    { numRuns: 50 },
  )
})

t.test('a change that leaves the content equal makes no version', async () => {
  fc.assert(
    fc.property(contents, (content) => {
      const base = baseOf(first(content))
      return nextVersion(orders, base, { content: { ...content }, status: undefined, now: later }) === undefined
    }),
  )
})

t.test('a change of any field makes the next version on top of the one before', async () => {
  fc.assert(
    fc.property(contents, contents, (before, after) => {
      fc.pre(
        orders.fieldNames.some((name) => before[name as keyof typeof before] !== after[name as keyof typeof after]),
      )
      const base = baseOf(first(before))
      const next = nextVersion(orders, base, { content: after, status: undefined, now: later })
      partialDeepStrictEqual(next, { id: base.id, version: 2, parent: base.hash, deleted: false })
      deepStrictEqual(parseRecord(orders, next?.text ?? ''), {
        id: base.id,
        version: 2,
        status: 'placed',
        ...after,
        created_at: now,
        updated_at: later,
      })
    }),
    { numRuns: 50 },
  )
})

t.test('a change of one field alone is a change, whichever it is', async (t) => {
  const other = readCreate(
    orders,
    { product_name: 'x', quantity: 2, amount: 3, currency: 'EUR', customer_id: 'x', reference: 'x', placed_at: later },
    now,
  )
  for (const name of orders.fieldNames) {
    const content = { ...some, [name]: other[name as keyof typeof other] }
    t.match(nextVersion(orders, baseOf(first(some)), { content, status: undefined, now: later }), { version: 2 }, name)
  }
})

t.test('equal histories have equal hashes; another text or another parent has another', async () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.string(),
      fc.option(fc.string({ minLength: 1 })),
      fc.option(fc.string({ minLength: 1 })),
      (a, b, p, q) => {
        const same = a === b && p === q
        return (hashOf(a, p) === hashOf(b, q)) === same && /^[\w-]{22}$/.test(hashOf(a, p))
      },
    ),
  )
})

t.test('two edits that end alike on different pasts have different hashes: that makes a fork visible', async (t) => {
  const id = newId()
  const [one, other] = [1, 2].map((quantity) => baseOf(first({ ...some, quantity }, id)))
  const changed = { content: { ...some, quantity: 9 }, status: undefined, now: later }
  const [left, right] = [one, other].map((base) => base && nextVersion(orders, base, changed))
  t.equal(left?.text, right?.text)
  t.not(left?.hash, right?.hash)
})

t.test('the hash of a version never changes: those that are stored must be found again', async (t) => {
  const id = '0199a8f0-0000-7000-8000-000000000001'
  const { hash, text } = first(some, id)
  t.equal(
    text,
    `{"id":"${id}","version":1,"status":"placed","product_name":"Tea","quantity":1,"amount":1,"currency":"USD","customer_id":null,"reference":null,"placed_at":"${now}","created_at":"${now}","updated_at":"${now}"}`,
  )
  t.equal(hash, '1dsZzj2QXHUUCdDQue0MIe')
  t.equal(hashOf('{}', 'parent'), 'PmZL06xZhi2Xju9uFeIPFQ')
})

t.test('a status goes only where its table leads, and the refusal says where that is', async (t) => {
  const base = baseOf(first(some))
  const go = (from: Base, status: string) => nextVersion(orders, from, { content: some, status, now: later })
  t.match(go(base, 'confirmed'), { version: 2 })
  t.equal(go(base, 'placed'), undefined, 'staying is no step')
  t.throws(() => go(base, 'delivered'), {
    name: 'Forbidden',
    code: 'step-not-allowed',
    message: 'From placed the order may go to confirmed or cancelled, not to delivered.',
  })
  const cancelled = { ...base, record: { ...base.record, status: 'cancelled' } }
  t.throws(() => go(cancelled, 'placed'), {
    message: 'From cancelled the order may go to no further step, not to placed.',
  })
})

t.test('a tombstone is the next version: the content stays, the time of deletion is added', async (t) => {
  const base = baseOf(first(some))
  const gone = tombstone(orders, base, later)
  t.match(gone, { id: base.id, version: 2, parent: base.hash, deleted: true })
  t.strictSame(parseRecord(orders, gone.text), { ...base.record, version: 2, updated_at: later, deleted_at: later })
})

t.test('a record remembers its keyed writes with the version each made, the newest sixteen of them', async (t) => {
  const use = (n: number) => ({ key: `key-${n}`, fingerprint: `print-${n}` })
  let version = firstVersion(orders, { id: newId(), content: some, now, key: use(1) })
  t.strictSame(version.keys, [{ ...use(1), version: 1 }])
  for (let n = 2; n <= keysMax + 4; n += 1) {
    const next = nextVersion(orders, baseOf(version), {
      content: { ...some, quantity: n },
      status: undefined,
      now: later,
      key: use(n),
    })
    t.ok(next)
    if (next !== undefined) version = next
  }
  t.equal(version.keys.length, 16)
  t.strictSame(version.keys.at(-1), { ...use(20), version: 20 })
  t.strictSame(tombstone(orders, baseOf(version), later).keys, version.keys, 'a write without a key forgets none')
})

t.test(
  'the fingerprint of a request rests on what was asked and on values, never on the order of members',
  async (t) => {
    type Members = [name: string, value: unknown][]
    const reordered = (value: unknown, order: (members: Members) => Members): unknown => {
      if (Array.isArray(value)) return value.map((one) => reordered(one, order))
      if (value === null || typeof value !== 'object') return value
      return Object.fromEntries(order(Object.entries(value)).map(([name, inner]) => [name, reordered(inner, order)]))
    }
    const reversed = (value: unknown) => reordered(value, (members) => members.reverse())
    const sorted = (value: unknown) =>
      JSON.stringify(reordered(value, (members) => members.sort(([a], [b]) => (a < b ? -1 : 1))))
    fc.assert(
      fc.property(
        fc.jsonValue(),
        (body) => fingerprint('POST orders', body) === fingerprint('POST orders', reversed(body)),
      ),
    )
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        fc.pre(sorted(a) !== sorted(b))
        return fingerprint('x', { a }) !== fingerprint('x', { a: b }) && fingerprint('x', a) !== fingerprint('x', [a])
      }),
    )
    t.not(fingerprint('POST orders', {}), fingerprint('DELETE orders/1', {}))
    t.not(fingerprint('x', { amount: 1 }), fingerprint('x', { amount: '1' }))
    t.not(fingerprint('x', [1, 2]), fingerprint('x', [2, 1]), 'the order of a list counts')
    t.equal(fingerprint('x', { a: 1, b: { c: 2, d: 3 } }), fingerprint('x', { b: { d: 3, c: 2 }, a: 1 }))
    t.equal(fingerprint('x', undefined), fingerprint('x', undefined), 'no body at all')
  },
)
