import { BadData } from '@ordermill/model'
import { deletedOrder, firstOrder, nextOrder } from '@ordermill/model/testing'
import type { MessageProperties } from 'amqplib'
import t from 'tap'
import { readMessage, recordMessage } from './index.ts'

const envelope = { exchange: 'ordermill.records', collection: 'orders', type: 'orders.v1' }
/** What the other side sees of a message's properties: absent ones are undefined. */
const received = (properties: object) => properties as unknown as MessageProperties

const key = { key: 'a2b4', fingerprint: 'f'.repeat(22) }
const first = firstOrder({ product_name: 'Käse 🧀 "quoted"' }, { key })
const second = nextOrder(first, { amount: 1 })

t.test('a version is read from its message as it was, with what travels beside it', async (t) => {
  const ways = { correlationId: 'c-1', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
  for (const version of [first, second, deletedOrder(second)]) {
    const { body, properties } = recordMessage(version, { ...envelope, ...ways })
    const { record: _, ...identity } = version
    t.match(readMessage(body, received(properties)), { ...identity, ...ways, type: 'orders.v1' })
    t.equal(body.toString(), version.text)
    t.equal(properties.messageId, `${version.id}:${version.version}`)
  }
})

t.test('what does not travel is not read as something else', async (t) => {
  const { body, properties } = recordMessage(firstOrder(), envelope)
  const message = readMessage(body, received(properties))
  t.match(message, { parent: null, deleted: false, keys: [] })
  t.equal(message.correlationId, undefined)
  t.equal(message.traceparent, undefined)
})

t.test('each missing or broken header is bad data, with a reason that names it', async (t) => {
  const { body, properties } = recordMessage(second, envelope)
  const headers: Record<string, unknown> = properties.headers ?? {}
  const without = (name: string) => ({ ...properties, headers: { ...headers, [name]: undefined } })
  const having = (name: string, value: unknown) => ({ ...properties, headers: { ...headers, [name]: value } })
  const table: [string, object, string][] = [
    ['no type', { ...properties, type: undefined }, 'the message has no type'],
    ['no headers at all', { ...properties, headers: undefined }, 'the header id is missing'],
    ['no id', without('id'), 'the header id is missing'],
    ['an id that is a number', having('id', 7), 'the header id is missing'],
    ['no version', without('version'), 'the header version is not a whole number from 1'],
    ['version as text', having('version', '2'), 'the header version is not a whole number from 1'],
    ['version 0', having('version', 0), 'the header version is not a whole number from 1'],
    ['half a version', having('version', 1.5), 'the header version is not a whole number from 1'],
    ['no hash', without('hash'), 'the header hash is missing'],
    ['a parent that is a number', having('parent', 5), 'the header parent is not text'],
    ['keys that are no JSON', having('keys', '['), 'the header keys is not a list of keyed writes'],
    ['keys that are no list', having('keys', '{}'), 'the header keys is not a list of keyed writes'],
    ['keys of something else', having('keys', '[{"key":"a"}]'), 'the header keys is not a list of keyed writes'],
    ['keys of nothing', having('keys', '[null]'), 'the header keys is not a list of keyed writes'],
  ]
  for (const [what, broken, reason] of table) {
    const expected = { code: 'unreadable', message: reason }
    t.throws(() => readMessage(body, received(broken)), Object.assign(new BadData('', ''), expected), what)
  }
})
