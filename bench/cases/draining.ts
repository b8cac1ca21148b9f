import { setTimeout as sleep } from 'node:timers/promises'
import { fillQueue } from '../fill.ts'
import type { Sample } from '../results.ts'
import type { Running, Stage } from '../stage.ts'

interface Draining {
  /** What is metered and called so. */
  service: 'worker' | 'floor'
  count: number
  /** Of the queue that is filled; none is where that is done by what is started. */
  namespace: string | undefined
  start(): Promise<Running>
  /** Whether it is measured until all are in the index. */
  indexed?: boolean
  /** Whether each is a message of its own, as at rates at which none comes with others. */
  singly?: boolean
  /** Whether they come on top of what is there. */
  onto?: boolean
}

/** The first tenth is warm-up: a process starts, connects and compiles. */
const warm = 0.1
/** No progress for this long: it will not come. */
const stalled_ms = 60_000

/** Fills a queue, starts what takes from it, and measures until all is where it belongs; nothing else writes meanwhile. */
export async function drained(stage: Stage, draining: Draining): Promise<Sample> {
  const { service, count, namespace, start, indexed, onto } = draining
  const isOurs = namespace === ''
  if (onto !== true) await stage.stores.clear()
  const there = (await stage.stores.progress()).persisted
  if (namespace !== undefined)
    await fillQueue({
      env: stage.servers.env,
      namespace,
      count,
      cached: isOurs,
      bundled: isOurs && draining.singly !== true,
      signal: stage.signal,
    })
  const before = performance.now()
  const running = await start()
  try {
    const begun = await reached(stage, 'persisted', there + 1)
    const from = await reached(stage, 'persisted', there + Math.ceil(count * warm))
    const meter = stage.meter({ [service]: running })
    const to = await reached(stage, 'persisted', there + count)
    const persisted = { rate: (to.count - from.count) / ((to.at - from.at) / 1_000) }
    const last = indexed === true ? await reached(stage, 'indexed', there + count) : to
    const measured = there + count - from.count
    const used = meter.stop(measured)
    return {
      ...persisted,
      seconds_per_100k: ((to.at - begun.at) / 1_000 / count) * 100_000,
      start_seconds: (begun.at - before) / 1_000,
      ...(indexed === true ? { indexed_rate: measured / ((last.at - from.at) / 1_000) } : {}),
      ...used,
    }
  } finally {
    await running.stop()
  }
}

async function reached(
  stage: Stage,
  where: 'persisted' | 'indexed',
  count: number,
): Promise<{ at: number; count: number }> {
  let moved = performance.now()
  for (let before = -1; ; ) {
    stage.signal.throwIfAborted()
    const now = (await stage.stores.progress())[where]
    const at = performance.now()
    if (now >= count) return { at, count: now }
    if (now !== before) moved = at
    if (at - moved > stalled_ms) throw new Error(`${where} stays at ${now} of ${count}`)
    before = now
    await sleep(10)
  }
}
