import type { ParkedRow } from '@ordermill/database'
import { orders } from '@ordermill/model'
import { firstOrder } from '@ordermill/model/testing'
import { type Delivery, recordMessage } from '@ordermill/queue'
import t from 'tap'
import { deliveryOf, fingerprintOf, readParked, replayOf } from './parked-message.ts'

const message = recordMessage(firstOrder(), { exchange: 'e', collection: 'orders', type: orders.type })
const delivered = (headers: Record<string, unknown>, body = message.body): Delivery => ({
  body,
  properties: { ...message.properties, headers: { ...message.properties.headers, ...headers } } as never,
  redelivered: false,
  tag: 1,
})
const told = { 'parked-code': 'conflict', 'parked-reason': 'r', 'parked-from': 'orders' }

t.test('a version is the same row by whatever way and however often it came', async (t) => {
  const { id, hash } = message.properties.headers as Record<string, string>
  const { identity, ...rest } = readParked(orders, delivered(told))
  t.equal(identity, `${id}:1:${hash}`)
  t.match(rest, { id, version: 1, hash, code: 'conflict', reason: 'r', routingKey: 'orders', replays: 0 })
  const again = readParked(orders, delivered({ ...told, replays: 2, 'x-death': [{ count: 1 }] }))
  t.match(again, { identity, replays: 2 })
})

t.test('what is not what its headers say is another row for each of its bytes', async (t) => {
  const changed = (text: string) => readParked(orders, delivered(told, Buffer.from(text))).identity
  t.not(changed('{"a":1}'), changed('{"a":2}'))
  t.equal(changed('{"a":1}'), changed('{"a":1}'))
  const bare = { body: Buffer.alloc(0), properties: {}, redelivered: false, tag: 1 } as unknown as Delivery
  t.match(readParked(orders, bare), {
    code: 'dead-lettered',
    reason: /nobody/,
    id: null,
    version: null,
    routingKey: 'orders',
  })
  const odd = readParked(orders, delivered({ id: 'A', version: 2 ** 31, hash: 'x', replays: 'x' }))
  t.match(odd, { id: null, version: null, hash: null, replays: 0 })
})

t.test('a bulk goes back to where bulks come from', async (t) => {
  const bulk = { ...delivered({}), properties: { headers: { id: 'b', fingerprint: 'f' } } } as unknown as Delivery
  t.equal(readParked(orders, bulk).routingKey, 'orders.bulk')
})

t.test('a replay is the message that was parked, and one replay more', async (t) => {
  const raw = { raw: Buffer.from([0, 255]), at: { '!': 'timestamp', value: 5 } }
  const parked = readParked(orders, delivered({ ...told, ...raw, replays: 1, 'x-death': [] }))
  const kept = JSON.parse(JSON.stringify({ ...parked, body: null })) as ParkedRow
  const row: ParkedRow = { ...kept, n: 1, parking: 1, state: 'PARKED', body: parked.body }
  const { exchange, routingKey, body, properties } = replayOf(row, 'e')
  t.same({ exchange, routingKey, body }, { exchange: 'e', routingKey: 'orders', body: message.body })
  t.same(properties, {
    ...message.properties,
    headers: { ...message.properties.headers, ...raw, replays: 2 },
  })
  t.same(deliveryOf(row).properties.headers, { ...message.properties.headers, ...raw })
})

t.test('reasons that differ in numbers, ids, hashes and quoted input are of one kind', async (t) => {
  const table: [string, string, string, boolean][] = [
    ['conflict', 'version 2 was built on AAAAAAAAAAAAAAAAAAAAAA, and', 'version 13 was built on nothing, and', true],
    ['unreadable', 'the body is not JSON: "{" at 1', 'the body is not JSON: "[a]" at 20', true],
    ['sql-23514', 'violates check constraint "no_owls"', 'violates check constraint "no_bags"', false],
    ['sql-23505', 'of 01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e9f', 'of 01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e00', true],
  ]
  for (const [code, one, other, same] of table)
    t.equal(fingerprintOf(code, one) === fingerprintOf(code, other), same, one)
  t.not(fingerprintOf('a', 'r'), fingerprintOf('b', 'r'))
})
