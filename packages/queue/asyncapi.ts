import type { Collection } from '@ordermill/model'
import {
  bulkMessageOf,
  bundleMessageOf,
  changeMessageOf,
  parkedMessageOf,
  recordMessageOf,
  replyMessage,
} from './asyncapi-messages.ts'
import { changedKey } from './change-message.ts'
import { queuesOf, type Topology } from './topology.ts'

/** The AsyncAPI 3.0 document of the exchange, the queues and the messages between API and worker. */
export function asyncapiDocument(collections: readonly Collection[], topology: Topology): object {
  const parts = collections.map((collection) => partsOf(collection, topology))
  const together = (pick: 'channels' | 'operations' | 'messages') =>
    Object.assign({}, ...parts.map((part) => part[pick])) as Record<string, object>
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Ordermill: between API and worker, and what others are told',
      version: '0.1.0',
      description:
        'Messages on RabbitMQ: persistent, mandatory, confirmed; queues are quorum queues. NAMESPACE goes before every name, and QUEUE_LENGTH_MAX is x-max-length.',
      license: { name: 'MIT' },
    },
    servers: {
      rabbitmq: { host: '127.0.0.1:5672', protocol: 'amqp', protocolVersion: '0.9.1', description: 'RABBITMQ_URL' },
    },
    defaultContentType: 'application/json',
    channels: {
      ...together('channels'),
      replies: {
        address: null,
        description: 'A queue of each API process, named by the broker and gone with the process.',
        messages: { reply: ref('components/messages/reply') },
        bindings: {
          amqp: {
            is: 'queue',
            queue: { name: '', durable: false, exclusive: true, autoDelete: true, vhost: '/' },
            bindingVersion: '0.3.0',
          },
        },
      },
    },
    operations: together('operations'),
    components: { messages: { ...together('messages'), reply: replyMessage } },
  }
}

const ref = (path: string) => ({ $ref: `#/${path}` })

function partsOf(collection: Collection, topology: Topology) {
  const { name, title } = collection
  const queues = topology.collections.find((one) => one.name === name)
  if (queues === undefined) throw new Error(`the topology has no queues for ${name}`)
  const kinds = { persist: ['record', 'bundle'], bulk: ['bulk'], parked: ['parked'] }
  const messagesOf = (some: string[]) =>
    Object.fromEntries(some.map((kind) => [kind, ref(`components/messages/${name}.${kind}`)]))
  const channelOf = (kind: keyof typeof kinds) => {
    const queue = queuesOf(topology).find((one) => one.name === queues[kind])
    if (queue === undefined) throw new Error(`the queue ${queues[kind]} is not declared`)
    return {
      address: queue.name,
      messages: messagesOf(kinds[kind]),
      bindings: {
        amqp: {
          is: 'queue',
          queue: {
            name: queue.name,
            durable: true,
            exclusive: false,
            autoDelete: false,
            vhost: '/',
            'x-arguments': queue.arguments,
            ...(queue.routingKey === undefined
              ? {}
              : { 'x-bound-to': { exchange: topology.exchange, routingKey: queue.routingKey } }),
          },
          bindingVersion: '0.3.0',
        },
      },
    }
  }
  const exchangeOf = (routingKey: string, some: string[], exchange = topology.exchange) => ({
    address: routingKey,
    messages: messagesOf(some),
    bindings: {
      amqp: {
        is: 'routingKey',
        exchange: { name: exchange, type: 'topic', durable: true, autoDelete: false, vhost: '/' },
        bindingVersion: '0.3.0',
      },
    },
  })
  const operation = (action: 'send' | 'receive', channel: string, some: string[], summary: string, more = {}) => ({
    action,
    channel: ref(`channels/${channel}`),
    messages: some.map((message) => ref(`channels/${channel}/messages/${message}`)),
    summary,
    bindings: {
      amqp:
        action === 'send'
          ? { deliveryMode: 2, mandatory: true, bindingVersion: '0.3.0' }
          : { ack: true, bindingVersion: '0.3.0' },
    },
    ...more,
  })
  const reply = {
    reply: {
      address: { location: '$message.header#/replyTo', description: 'The property reply-to, where somebody waits.' },
      channel: ref('channels/replies'),
      messages: [ref('channels/replies/messages/reply')],
    },
  }
  return {
    channels: {
      [`${name}.accepted`]: exchangeOf(name, kinds.persist),
      [`${name}.bulk-accepted`]: exchangeOf(`${name}.bulk`, kinds.bulk),
      [`${name}.changes`]: {
        ...exchangeOf(changedKey(name), ['change'], topology.changes),
        description:
          'For others: bind a queue of your own. Each change that is committed while it is bound comes at least once, of one id in the order of its change_seq, repeats aside; of a record that changed several times between two looks only the last.',
      },
      [queues.persist]: channelOf('persist'),
      [queues.bulk]: channelOf('bulk'),
      [queues.parked]: channelOf('parked'),
    },
    operations: {
      [`publish-${title}`]: operation(
        'send',
        `${name}.accepted`,
        kinds.persist,
        'The API hands over what it accepts',
        reply,
      ),
      [`persist-${title}`]: operation('receive', queues.persist, kinds.persist, 'The worker persists it, then acks'),
      [`publish-${title}-bulk`]: operation(
        'send',
        `${name}.bulk-accepted`,
        kinds.bulk,
        'The API hands over a bulk',
        reply,
      ),
      [`persist-${title}-bulk`]: operation(
        'receive',
        queues.bulk,
        kinds.bulk,
        'The worker persists all of it or nothing',
      ),
      [`tell-${title}-changed`]: operation(
        'send',
        `${name}.changes`,
        ['change'],
        'The worker tells others of a change, after the commit',
        {
          description:
            'Of each page of changes the first message is mandatory: returned, nobody is bound, and the rest of the page is not sent.',
          bindings: { amqp: { deliveryMode: 2, mandatory: false, bindingVersion: '0.3.0' } },
        },
      ),
      [`park-${title}`]: operation('send', queues.parked, kinds.parked, 'The worker sets aside what no retry can save'),
      [`keep-parked-${title}`]: operation('receive', queues.parked, kinds.parked, 'The worker keeps it in the ledger'),
    },
    messages: {
      [`${name}.record`]: recordMessageOf(collection),
      [`${name}.bundle`]: bundleMessageOf(collection),
      [`${name}.bulk`]: bulkMessageOf(collection),
      [`${name}.parked`]: parkedMessageOf(collection),
      [`${name}.change`]: changeMessageOf(collection),
    },
  }
}
