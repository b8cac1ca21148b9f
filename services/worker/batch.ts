import type { Chain } from '@ordermill/database'
import { BadData, type Collection, hashOf, isId, parseRecord, type Version } from '@ordermill/model'
import { type Delivery, type RecordMessage, readBarrier, readMessage } from '@ordermill/queue'

/** A batch, read: versions of one record stand in chains, oldest first; chains of different records stand in rounds. */
export interface ReadBatch {
  /** In each round no record twice; a later round waits for the one before it. */
  rounds: Chain[][]
  /** Which deliveries brought a version: the same one may come twice. */
  deliveriesOf: Map<Version, Delivery[]>
  /** Barriers: passed when all of the batch is dealt with. */
  barriers: { delivery: Delivery; barrier: string }[]
  /** What cannot be read, and why. */
  unreadable: { delivery: Delivery; error: BadData }[]
  /** Of the request that caused the first of them: told to Postgres and to the log. */
  correlationId: string | undefined
  /** When the oldest of them was accepted, in milliseconds of the Unix epoch. */
  oldest: number | undefined
}

/** Reads a batch of deliveries of a collection. */
export function readBatch(c: Collection, deliveries: Delivery[]): ReadBatch {
  const chains = new Map<string, Version[][]>()
  const deliveriesOf = new Map<Version, Delivery[]>()
  const barriers: ReadBatch['barriers'] = []
  const unreadable: ReadBatch['unreadable'] = []
  let oldest: number | undefined
  for (const delivery of deliveries) {
    const barrier = readBarrier(delivery.properties)
    if (barrier !== undefined) {
      barriers.push({ delivery, barrier })
      continue
    }
    try {
      const { message, acceptedAt } = readOne(c, delivery)
      oldest = Math.min(oldest ?? acceptedAt, acceptedAt)
      place(message, delivery)
    } catch (thrown) {
      if (!(thrown instanceof BadData)) throw thrown
      unreadable.push({ delivery, error: thrown })
    }
  }
  const rounds: Chain[][] = []
  for (const ofOne of chains.values())
    for (const [round, chain] of ofOne.entries()) {
      rounds[round] ??= []
      rounds[round].push(chain as unknown as Chain)
    }
  return { rounds, deliveriesOf, barriers, unreadable, correlationId: correlationIdOf(deliveries[0]), oldest }

  function place(version: RecordMessage, delivery: Delivery): void {
    const ofOne = chains.get(version.id)
    const current = ofOne?.at(-1)
    const twin = ofOne?.flat().find(({ hash }) => hash === version.hash)
    if (twin !== undefined) return void deliveriesOf.get(twin)?.push(delivery)
    deliveriesOf.set(version, [delivery])
    if (ofOne === undefined) chains.set(version.id, [[version]])
    else if (follows(version, current?.at(-1))) current?.push(version)
    else ofOne.push([version])
  }
}

const follows = (version: Version, before: Version | undefined): boolean =>
  before !== undefined && version.parent === before.hash && version.version > before.version

/** The correlation id that a delivery carries. */
export function correlationIdOf(delivery: Delivery | undefined): string | undefined {
  const id: unknown = delivery?.properties.correlationId
  return typeof id === 'string' ? id : undefined
}

/** A delivery as the version it brings. What identifies it must be what its text says: everything later rests on that. */
function readOne(c: Collection, { body, properties }: Delivery): { message: RecordMessage; acceptedAt: number } {
  const message = readMessage(body, properties)
  if (message.type !== c.type) throw new BadData('unknown-type', `this worker reads ${c.type}, not ${message.type}`)
  if (!message.text.startsWith('{')) throw new BadData('unreadable', 'the body is not a JSON object')
  const record = parseRecord(c, message.text)
  if (!isId(record.id)) throw new BadData('unreadable', 'the id is not a UUID in lower case')
  if (record.id !== message.id || record.version !== message.version)
    throw new BadData('unreadable', 'the headers id and version are not those of the body')
  if ((record.deleted_at !== undefined) !== message.deleted)
    throw new BadData('unreadable', 'the header deleted is not what the body says')
  if (message.parent !== null && !/^[\w-]{22}$/.test(message.parent))
    throw new BadData('unreadable', 'the parent is not a hash')
  if (hashOf(message.text, message.parent) !== message.hash)
    throw new BadData('hash-mismatch', 'the hash is not that of the body and its parent')
  return { message, acceptedAt: Date.parse(record.updated_at) }
}
