import type { Version } from '@ordermill/model'
import fc from 'fast-check'
import t from 'tap'
import { decodeEntry, encodeEntry } from './entry.ts'
import { bucketOf, buckets, keysOf } from './keys.ts'

const hash = fc.stringMatching(/^[\w-]{22}$/)
const epoch = fc.stringMatching(/^[0-9a-z]{9}-[0-9a-z]{4}$/)
const version: fc.Arbitrary<Version> = fc.record({
  id: fc.uuid(),
  version: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  hash,
  parent: fc.option(hash, { nil: null }),
  text: fc.oneof(
    fc.json(),
    fc.string({ unit: 'binary' }).map((text) => JSON.stringify({ text })),
  ),
  deleted: fc.boolean(),
  keys: fc.array(fc.record({ key: fc.uuid(), fingerprint: hash, version: fc.integer({ min: 1, max: 2 ** 31 - 1 }) }), {
    maxLength: 16,
  }),
})

t.test('an entry is read back as it was written, whatever the version holds', async (t) => {
  fc.assert(
    fc.property(version, epoch, (written, epoch) => {
      t.same(decodeEntry(written.id, encodeEntry(written, epoch)), { ...written, epoch })
    }),
  )
})

t.test(
  'version, hash and epoch stand in the first 64 bytes of an entry, where the scripts look for them',
  async (t) => {
    fc.assert(
      fc.property(version, epoch, (written, epoch) => {
        const head = Buffer.from(encodeEntry(written, epoch)).subarray(0, 64).toString('latin1')
        const [, number, hashed, born] = /^(\d+) (\S+) (\S+) /.exec(head) ?? []
        t.equal(number, String(written.version))
        t.equal(hashed, written.hash)
        t.equal(born, epoch)
      }),
    )
  },
)

t.test('every key of one id carries the tag of its bucket, so that Redis Cluster keeps them on one slot', async (t) => {
  const keys = keysOf('ns.', 'orders')
  fc.assert(
    fc.property(fc.uuid(), (id) => {
      const bucket = bucketOf(id)
      t.ok(bucket >= 0 && bucket < buckets)
      const all = [
        keys.record(id),
        keys.asked(id),
        keys.prefix(bucket),
        keys.unsent(bucket),
        keys.sent(bucket),
        keys.counters(bucket),
        keys.epoch(bucket),
      ]
      t.same([...new Set(all.map(tagOf))], [String(bucket)])
    }),
  )
})

/** The part of a key that Redis Cluster hashes: between the first `{` and the first `}` after it (Cluster specification, 'Hash tags'). */
const tagOf = (key: string) => /\{([^}]+)\}/.exec(key)?.[1]
