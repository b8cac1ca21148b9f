import { orderChain } from '@ordermill/model/testing'
import t from 'tap'
import { bundle, bundled, countOf, joined } from './bundle.ts'
import { recordMessage } from './message.ts'
import type { OutgoingMessage } from './publisher.ts'

const envelope = { exchange: 'records', collection: 'orders', type: 'orders.v1', correlationId: 'line\nend 🫖' }
const [first, second] = orderChain()
const message = (change: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  ...recordMessage(first, envelope),
  ...change,
})
const delivered = ({ body, properties }: OutgoingMessage) => ({ body, properties: properties as never })
const sizes = (messages: OutgoingMessage[]) =>
  joined(messages.map((one) => ({ message: one }))).map((some) => some.length)

t.test('the messages of a bundle are read as they were, in order', async (t) => {
  const all = [message(), recordMessage(second, { ...envelope, replyTo: 'me' }), message({ body: Buffer.alloc(0) })]
  const made = bundle(all, 7)
  t.equal(countOf(made.properties as never), 3)
  t.same(bundled(delivered(made)), all.map(delivered))
  t.equal(made.properties.headers?.['messages'], 3)
  t.not(made.properties.messageId, bundle(all, 8).properties.messageId)
  t.equal(bundle([message()], 7).body.toString(), first.text, 'one alone is no bundle')
  t.equal(bundled(delivered(message())), undefined)
  t.equal(countOf(message().properties as never), 1)
})

t.test('what the broker says of a bundle holds for each of its messages', async (t) => {
  const { body, properties } = bundle([message(), message()], 7)
  const headers = { ...properties.headers, 'x-delivery-count': 2 }
  const found = bundled({ body, properties: { ...properties, headers } as never })
  t.same(
    found?.map((one) => [one.properties.headers?.['x-delivery-count'], one.properties.headers?.['id']]),
    [
      [2, first.id],
      [2, first.id],
    ],
  )
})

t.test('only what goes to one place, and may, is bundled: sixteen messages or 32 KiB at most', async (t) => {
  const many = (count: number, change: Partial<OutgoingMessage> = {}) =>
    Array.from({ length: count }, () => message(change))
  t.same(sizes([]), [])
  t.same(sizes(many(40)), [16, 16, 8])
  t.same(sizes(many(5, { body: Buffer.alloc(15_000, 'x') })), [2, 2, 1])
  t.same(sizes([...many(2), message({ routingKey: 'users' }), ...many(2)]), [2, 1, 2])
  t.same(sizes([...many(2), message({ exchange: 'others' }), ...many(2)]), [2, 1, 2])
  t.same(sizes([...many(2), ...many(2, { mandatory: false })]), [2, 2])
  t.same(sizes([...many(2), ...many(2, { joins: false }), ...many(2)]), [2, 1, 1, 2])
  t.same(sizes([message(), message({ body: Buffer.from('{\n}') }), ...many(2)]), [1, 1, 2])
})

t.test('what only says that it is a bundle is none', async (t) => {
  const { body, properties } = bundle([message(), message()], 7)
  const texts = [
    '',
    '\n',
    'x',
    'x\n',
    'x\n{}\n',
    '[]\n{}\n',
    'null\n{}\n',
    `${body}{}`,
    `${body}{}\n`,
    body.toString().slice(0, -1),
  ]
  for (const text of texts)
    t.equal(bundled({ body: Buffer.from(text), properties: properties as never }), undefined, JSON.stringify(text))
  for (const messages of [undefined, 'many', -1, 0, 1.5, 17, Number.POSITIVE_INFINITY, Number.NaN])
    t.equal(countOf({ ...properties, headers: { messages } } as never), 1)
})

t.test('what a message in a bundle says of itself is what AMQP can carry, or it is no bundle', async (t) => {
  const { properties } = bundle([message(), message()], 7)
  const read = (own: object) =>
    bundled({ body: Buffer.from(`${JSON.stringify(own)}\n{}\n`), properties: properties as never })
  const good = { messageId: 'm', headers: { id: 'x', version: 1, deleted: false } }
  t.equal(read(good)?.length, 1)
  t.equal(
    read({ ...good, type: 't', contentType: 'c', correlationId: 'é'.repeat(127), replyTo: '', timestamp: 0 })?.length,
    1,
  )
  for (const bad of [
    { headers: {} },
    { messageId: 'm' },
    { ...good, messageId: 5 },
    { ...good, headers: [] },
    { ...good, headers: null },
    { ...good, headers: { a: {} } },
    { ...good, headers: { a: 0.5 } },
    { ...good, headers: { a: null } },
    { ...good, headers: { ['x'.repeat(256)]: 1 } },
    { ...good, contentType: 5 },
    { ...good, correlationId: 'é'.repeat(128) },
    { ...good, timestamp: -1 },
    { ...good, timestamp: '1' },
    { ...good, expiration: '1' },
  ])
    t.equal(read(bad), undefined, JSON.stringify(bad).slice(0, 80))
})
