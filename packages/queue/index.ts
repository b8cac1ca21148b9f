/**
 * The queue between API and worker, on RabbitMQ.
 * Guarantees: `publish` resolves only when a queue has the message (mandatory unless it says otherwise, persistent, confirmed); a delivery is acked on the
 * channel that delivered it, and only with all deliveries before it; both sides recover by themselves from a lost broker.
 */
export { barrierMessage, readBarrier } from './barrier-message.ts'
export { type BulkMessage, bulkMessage, readBulkMessage } from './bulk-message.ts'
export { bundled } from './bundle.ts'
export { changedKey, changeMessage, type ToldChange } from './change-message.ts'
export { type Batch, type Consumer, createConsumer, type Delivery } from './consumer.ts'
export { type RecordMessage, readMessage, recordMessage } from './message.ts'
export { createPublisher, type OutgoingMessage, type Publisher, PublishFailed } from './publisher.ts'
export { createReplies, type Replies, replyTo } from './replies.ts'
export { type Topology, TopologyMismatch, topologyOf } from './topology.ts'
