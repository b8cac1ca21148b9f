import type { DirtyMark, RecordCache } from '@ordermill/cache'

/** Turns marks from unsent to sent after the answer has left: many at once, one command a bucket. */
export interface Marker {
  sent(mark: DirtyMark): void
  /** Marks what is waiting. */
  flush(): Promise<void>
}

/** How long a mark waits for company. A mark that is lost costs one publish more, of the flusher. */
const wait_ms = 20

export function createMarker(cache: Pick<RecordCache, 'markSent'>, onError: (error: unknown) => void): Marker {
  let waiting: DirtyMark[] = []
  let timer: NodeJS.Timeout | undefined
  const flush = async () => {
    clearTimeout(timer)
    timer = undefined
    const marks = waiting
    waiting = []
    if (marks.length > 0) await cache.markSent(marks).catch(onError)
  }
  return {
    sent(mark) {
      waiting.push(mark)
      timer ??= setTimeout(flush, wait_ms)
    },
    flush,
  }
}
