import { errors } from '@elastic/elasticsearch'
import { Refused, Unavailable } from '@ordermill/model'
import type { EngineClient } from './client.ts'

/** A snapshot stands for so long after each page that is read from it. */
const keptFor_ms = 120_000
/** Most snapshots that this process may hold at once: each keeps the engine from letting go of what was merged or deleted. */
const openMax = 200

/** Points in time of an index: what is read from one neither repeats nor skips, whatever is written meanwhile. */
export interface Snapshots {
  /** @throws Unavailable `search-busy` when too many are open, or what the client throws */
  open(correlationId?: string): Promise<string>
  /** What of a request reads from it, and holds it for a while longer. */
  request(snapshot: string): { pit: { id: string; keep_alive: string } }
  /** The engine may name it anew with every answer. */
  renamed(before: string, now: string | undefined): string
  /** Never throws: what is not closed ends by itself. */
  close(snapshot: string): Promise<void>
}

export function createSnapshots(client: EngineClient, index: string, now = () => performance.now()): Snapshots {
  const open = new Map<string, number>()
  const keep_alive = `${keptFor_ms}ms`
  return {
    async open(correlationId) {
      for (const [id, until] of open) if (until < now()) open.delete(id)
      if (open.size >= openMax)
        throw new Unavailable('search-busy', 'Too many cursors by relevance are open.', { retryAfterSeconds: 30 })
      const told = correlationId === undefined ? {} : { opaqueId: correlationId }
      const { id } = await client.openPointInTime({ index, keep_alive }, told)
      open.set(id, now() + keptFor_ms)
      return id
    },
    request: (id) => ({ pit: { id, keep_alive } }),
    renamed(before, id = before) {
      open.delete(before)
      open.set(id, now() + keptFor_ms)
      return id
    },
    async close(id) {
      open.delete(id)
      await client.closePointInTime({ id }).catch(() => undefined)
    },
  }
}

/** A snapshot that was to be read on is there no more: closed, too old, or lost with the engine. */
export class SnapshotGone extends Refused {
  constructor(cause: Error) {
    super('snapshot-gone', 'The snapshot is there no more.', { cause })
  }
}

/** Whether the engine answered that it knows no such snapshot. */
export const isGone = (thrown: unknown): thrown is Error =>
  thrown instanceof errors.ResponseError && thrown.statusCode === 404
