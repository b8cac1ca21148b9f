import { Doubtful, Unavailable } from '@ordermill/model'

/**
 * Runs one attempt with a deadline. `work` is told by its signal; whatever it still brings afterwards is ignored (the fence).
 * @throws Doubtful `deadline` when the time is over; Unavailable `deadline` when `outer` aborts; else what `work` throws
 */
export async function withDeadline<T>(
  deadline_ms: number,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController()
  const { promise: over, reject } = Promise.withResolvers<never>()
  const endWith = (error: Unavailable) => {
    inner.abort()
    reject(error)
  }
  const end = () => endWith(new Unavailable('deadline', 'Nobody waits for the attempt any more.'))
  const timer = setTimeout(() => endWith(new Doubtful('deadline', 'The deadline of the attempt passed.')), deadline_ms)
  outer.addEventListener('abort', end, { once: true })
  if (outer.aborted) end()
  try {
    const attempt = work(inner.signal)
    attempt.catch(() => undefined) // late failures concern nobody
    return await Promise.race([attempt, over])
  } finally {
    clearTimeout(timer)
    outer.removeEventListener('abort', end)
    over.catch(() => undefined)
  }
}
