import type { Listener, RecordReader, Searchable } from '@ordermill/database'
import type { Replies } from '@ordermill/queue'

/** How far a write has come. parked: it was set aside; processing: none of these, so far. */
export type Stage = 'persisted' | 'indexed' | 'parked' | 'processing'

/** Waits until what was accepted has gone further. */
export interface Waiter {
  /**
   * persisted: Postgres has this version or a later one; indexed: searches find it, or a later one. Gives how far it came: at once if
   * it goes no further, since it was parked or the engine will not take it; else at the latest after `wait_ms`.
   */
  wait(for_: 'persisted' | 'indexed', id: string, version: number, wait_ms: number): Promise<Stage>
}

interface WaiterParts {
  replies: Pick<Replies, 'wait'>
  stored: Pick<RecordReader, 'read'>
  /** What searches find of a record; and who tells how far they go, as `<alias> <change_seq>`. */
  searchable(id: string): Promise<Searchable | undefined>
  refreshed: Pick<Listener, 'listen'>
  /** What searches ask. */
  alias: string
}

/** Waits for the worker's word, and trusts Postgres alone: asked when the waiting begins, when it was told, and when it ends. */
export function createWaiter({ replies, stored, searchable, refreshed, alias }: WaiterParts): Waiter {
  const persisted = async (id: string, version: number, wait_ms: number): Promise<Stage> => {
    const isThere = async () => ((await stored.read(id).catch(() => undefined))?.version ?? 0) >= version
    const word = replies.wait(`${id}:${version}`, wait_ms)
    if (await isThere()) return 'persisted'
    const reply = await word
    if (await isThere()) return 'persisted'
    return reply?.outcome === 'parked' ? 'parked' : 'processing'
  }

  const indexed = async (id: string, version: number, until: number): Promise<Stage> => {
    const told = lastOf(alias, refreshed)
    try {
      for (;;) {
        const isLate = performance.now() >= until
        const standing = await searchable(id).catch(() => undefined)
        if (standing !== undefined && standing.version >= version) {
          if (standing.state === 'found') return 'indexed'
          if (standing.state === 'rejected') return 'persisted'
        }
        if (isLate) return 'persisted'
        // What stands may have been changed meanwhile: then it is asked for once more, further on.
        await told.past(standing?.change_seq ?? Number.POSITIVE_INFINITY, Math.max(0, until - performance.now()))
      }
    } finally {
      told.end()
    }
  }
  return {
    async wait(for_, id, version, wait_ms) {
      const until = performance.now() + wait_ms
      const stage = await persisted(id, version, wait_ms)
      return for_ === 'indexed' && stage === 'persisted' ? await indexed(id, version, until) : stage
    },
  }
}

/** Hears how far searches of an alias go. */
function lastOf(alias: string, { listen }: Pick<Listener, 'listen'>) {
  let last = 0
  let wake = () => {}
  const end = listen((message) => {
    const at = message?.lastIndexOf(' ')
    if (message?.slice(0, at) === alias) last = Math.max(last, Number(message.slice((at ?? 0) + 1)))
    else if (message === undefined) last = Number.POSITIVE_INFINITY // nobody knows
    wake()
  })
  return {
    end,
    /** Resolves once it was told that they go at least so far; after `wait_ms` in any case. */
    past(change_seq: number, wait_ms: number): Promise<void> {
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer)
          resolve()
        }
        const timer = setTimeout(done, wait_ms)
        wake = () => {
          if (last < change_seq) return
          last = 0 // what was told once is asked about once: another index may serve by now
          done()
        }
        wake()
      })
    },
  }
}
