import { type Collection, changedFields, type StoredRecord } from '@ordermill/model'
import { changeMessage, type Publisher, PublishFailed, type ToldChange } from '@ordermill/queue'
import type { Document, IndexWriter } from '@ordermill/search'

interface TellerParts {
  collection: Collection
  /** With a window of at least a page: what is busy is told again. */
  publisher: Pick<Publisher, 'publish'>
  /** The exchange of changes. */
  exchange: string
  /** The versions before these, newest first, without a gap, at most `depth` of each: by id. */
  past(versions: StoredRecord[], depth: number): Promise<Map<string, StoredRecord[]>>
  /** Makes the cursor where there is none, and gives its name. */
  openCursor(): Promise<string>
  /** Told how many messages were taken for somebody. */
  onTold(count: number): void
}

/** How many versions back a message says what changed. Between two looks a record hardly gets as many. */
const depth = 10

/**
 * Tells others of changes: what a follower writes to. Within a page every record stands once, and pages come one after the other,
 * so that what is told of a record comes in the order of its changes.
 */
export function createTeller(parts: TellerParts): IndexWriter {
  const { collection, publisher, exchange, openCursor, onTold } = parts
  const messagesOf = async (documents: Document[], mandatory: boolean) => {
    const records = documents.map(({ text }) => JSON.parse(text) as StoredRecord)
    const past = await parts.past(records, depth)
    return records.map((record, at) => {
      const change_seq = documents[at]?.change_seq ?? 0
      const told = toldChange(collection, { record, past: past.get(record.id) ?? [], change_seq })
      return changeMessage(told, { exchange, collection: collection.name, mandatory })
    })
  }
  /** Whether any queue is bound, which a message that has to reach one finds out. @throws PublishFailed */
  const isHeard = async (document: Document): Promise<boolean> => {
    try {
      for (const message of await messagesOf([document], true)) await publisher.publish(message)
      return true
    } catch (thrown) {
      if (thrown instanceof PublishFailed && thrown.reason === 'returned') return false
      throw thrown
    }
  }
  return {
    async ensure() {
      const name = await openCursor()
      return { uuid: name, name }
    },
    async write([first, ...rest]) {
      if (first === undefined) return []
      // Who binds a queue from now on has no claim to what was committed before: the whole page was.
      if (!(await isHeard(first))) return [first, ...rest].map(() => outcomeOf.fulfilled)
      const messages = await messagesOf(rest, false)
      const published = await Promise.allSettled(messages.map((message) => publisher.publish(message)))
      const told = published.filter(({ status }) => status === 'fulfilled').length
      onTold(1 + told)
      return [outcomeOf.fulfilled, ...published.map(({ status }) => outcomeOf[status])]
    },
  }
}

const outcomeOf = { fulfilled: { outcome: 'done' }, rejected: { outcome: 'retry' } } as const

/** What is told of a record as it stands. `past` are the versions before it, newest first, without a gap. */
export function toldChange(
  c: Collection,
  { record, past, change_seq }: { record: StoredRecord; past: StoredRecord[]; change_seq: number },
): ToldChange {
  const { id, version, updated_at, deleted_at } = record
  const changed: Record<string, number> = {}
  let after = record
  for (const before of past) {
    for (const field of changedFields(c, before, after)) changed[field] ??= after.version
    after = before
  }
  return {
    id,
    version,
    change_seq,
    created: version === 1,
    deleted: deleted_at !== undefined,
    changed,
    since: after.version,
    changed_at: updated_at,
  }
}
