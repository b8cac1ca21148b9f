import type { Collection } from '@ordermill/model'
import { bundleContentType, bundleType, messagesMax } from './bundle.ts'
import { changedKey } from './change-message.ts'

/** Messages as the AsyncAPI document describes them; `x-properties` are those of AMQP, which AsyncAPI has no place for. */

const text = (rest: object = {}) => ({ type: 'string', ...rest })
const object = (properties: Record<string, object>, required: string[], rest: object = {}) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
  ...rest,
})

const uuid = text({ format: 'uuid' })
const content = {
  contentType: { const: 'application/json' },
  timestamp: { type: 'integer', minimum: 0, description: 'Unix time in seconds.' },
  deliveryMode: { const: 2 },
}
const traced = {
  correlationId: text({ description: 'As X-Correlation-Id says it.' }),
  replyTo: text({ description: 'The queue of who waits for the outcome.' }),
}
const traceparent = text({
  pattern: '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$',
  description: 'W3C Trace Context.',
})
const recordHeaders = {
  id: uuid,
  version: { type: 'integer', minimum: 1 },
  hash: text({ minLength: 1, description: 'Of the content and of the parent.' }),
  parent: text({ minLength: 1, description: 'Hash of the version it was built on; none for the first.' }),
  deleted: { type: 'boolean', description: 'Whether it is a tombstone.' },
  keys: text({
    contentMediaType: 'application/json',
    description: 'The keyed writes in its past: a list of key, fingerprint and version.',
  }),
  epoch: text({
    minLength: 1,
    description: 'The epoch of the cache in which it was accepted; none: without the cache.',
  }),
  traceparent,
}
const bulkHeaders = {
  id: uuid,
  fingerprint: text({ description: "Of the request, where it had an Idempotency-Key; else ''." }),
  traceparent,
}

/** Schemas of models carry symbols and functions of their library: only what JSON says of them is meant here. */
const plain = (schema: object): object => JSON.parse(JSON.stringify(schema)) as object

/** One version of a record. */
export const recordMessageOf = ({ name, title, type, record }: Collection) => ({
  name: `${name}.record`,
  title: `A version of an ${title}`,
  contentType: 'application/json',
  headers: object(recordHeaders, ['id', 'version', 'hash', 'deleted']),
  payload: plain(record.schema),
  bindings: { amqp: { messageType: type, bindingVersion: '0.3.0' } },
  'x-properties': object(
    {
      messageId: text({ pattern: '^[0-9a-f-]{36}:[1-9][0-9]*$', description: 'id:version' }),
      type: { const: type },
      ...content,
      ...traced,
    },
    ['messageId', 'type', 'contentType', 'timestamp', 'deliveryMode'],
  ),
})

/** Messages of records that go as one. */
export const bundleMessageOf = ({ name, title }: Collection) => ({
  name: `${name}.bundle`,
  title: `Versions of ${title}s, accepted at the same time`,
  summary: `Two lines of each, from 2 to ${messagesMax}: properties and headers of its message as one JSON object, and its body.`,
  contentType: bundleContentType,
  headers: object({ messages: { type: 'integer', minimum: 2, maximum: messagesMax } }, ['messages']),
  payload: text({ pattern: '^(?:\\{[^\\n]*\\}\\n\\{[^\\n]*\\}\\n){2,}$' }),
  bindings: { amqp: { messageType: bundleType, bindingVersion: '0.3.0' } },
  'x-properties': object(
    {
      messageId: text({
        description: 'That of the first, how many others there are, and which bundle of its sender it is.',
      }),
      type: { const: bundleType },
      contentType: { const: bundleContentType },
      timestamp: content.timestamp,
      deliveryMode: content.deliveryMode,
    },
    ['messageId', 'type', 'contentType', 'timestamp', 'deliveryMode'],
  ),
})

/** All records of a bulk. */
export const bulkMessageOf = ({ name, title, type, record }: Collection) => ({
  name: `${name}.bulk`,
  title: `The first versions of many ${title}s, for one transaction`,
  contentType: 'application/json',
  headers: object(bulkHeaders, ['id', 'fingerprint']),
  payload: { type: 'array', minItems: 1, maxItems: 1_000, items: plain(record.schema) },
  bindings: { amqp: { messageType: type, bindingVersion: '0.3.0' } },
  'x-properties': object({ messageId: uuid, type: { const: type }, ...content, ...traced }, [
    'messageId',
    'type',
    'contentType',
    'timestamp',
    'deliveryMode',
  ]),
})

/** What was set aside: the bytes as they came, which may be anything. */
export const parkedMessageOf = ({ name, title }: Collection) => ({
  name: `${name}.parked`,
  title: `Any message about an ${title} that was set aside, untouched`,
  headers: object(
    {
      'parked-code': text({ minLength: 1, description: 'Why, for programs. Stable.' }),
      'parked-reason': text({ maxLength: 1_000, description: 'Why, for people.' }),
      'parked-from': text({ description: 'The routing key by which it came, and by which it is replayed.' }),
      replays: { type: 'integer', minimum: 1, description: 'How often it was replayed before.' },
      'parked-dropped': text({ description: 'Names of headers that were too large to keep.' }),
    },
    ['parked-code', 'parked-reason'],
    { additionalProperties: true, description: 'Those it came with, and why it is here.' },
  ),
  payload: {},
  'x-properties': object({ messageId: text(), deliveryMode: { const: 2 } }, ['messageId', 'deliveryMode'], {
    additionalProperties: true,
    description: 'Those it came with.',
  }),
})

/** That a record changed: for others. */
export const changeMessageOf = ({ name, title, fieldNames }: Collection) => ({
  name: `${name}.change`,
  title: `That an ${title} changed`,
  contentType: 'application/json',
  headers: object({}, []),
  payload: object(
    {
      id: uuid,
      version: {
        type: 'integer',
        minimum: 1,
        description: 'The version that stands; those between it and the last one told are skipped.',
      },
      change_seq: {
        type: 'integer',
        minimum: 1,
        description:
          'Grows with every change of the record. What is not above the last one seen of this id was told before: leave it.',
      },
      created: {
        type: 'boolean',
        description: `Whether it is the first version. An ${title} that changed before its first version was told begins with a later one: an id never seen is new.`,
      },
      deleted: { type: 'boolean', description: 'Whether it is a tombstone.' },
      changed: object(
        Object.fromEntries(['status', ...fieldNames].map((field) => [field, { type: 'integer', minimum: 2 }])),
        [],
        {
          description:
            'Fields that changed after the version `since`, each with the version that changed it last. For who knows version k, and k is not below `since`: those whose number is above k. Else any field may have changed. A write by hand keeps the version and is not listed: the same version under a higher change_seq.',
        },
      ),
      since: {
        type: 'integer',
        minimum: 1,
        description: 'The version from which on `changed` is complete: ten versions back at most.',
      },
      changed_at: text({ format: 'date-time', description: 'When the version was accepted.' }),
    },
    ['id', 'version', 'change_seq', 'created', 'deleted', 'changed', 'since', 'changed_at'],
  ),
  bindings: { amqp: { messageType: changedKey(name), bindingVersion: '0.3.0' } },
  'x-properties': object(
    {
      messageId: text({ pattern: '^[0-9a-f-]{36}:[1-9][0-9]*$', description: 'id:change_seq' }),
      type: { const: changedKey(name) },
      ...content,
      timestamp: { ...content.timestamp, description: 'Unix time in seconds, of this message.' },
    },
    ['messageId', 'type', 'contentType', 'timestamp', 'deliveryMode'],
  ),
})

/** What became of a message. A hint: the truth is in Postgres. */
export const replyMessage = {
  name: 'reply',
  title: 'What became of a message',
  headers: object({}, []),
  payload: { type: 'string', maxLength: 0, description: 'Empty.' },
  'x-properties': object(
    {
      messageId: text({ pattern: '^reply:' }),
      correlationId: text({ description: 'The messageId that is answered.' }),
      type: text({ enum: ['persisted', 'parked', 'committed', 'rolled_back'], description: 'The outcome.' }),
      deliveryMode: { const: 2 },
    },
    ['messageId', 'correlationId', 'type', 'deliveryMode'],
  ),
}
