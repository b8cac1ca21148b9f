import { setTimeout as sleep } from 'node:timers/promises'
import type { LoadResult } from '../load/jobs.ts'
import type { Sample } from '../results.ts'
import type { Running, Stage } from '../stage.ts'

/** What a try at one rate showed. */
interface Try {
  rate: number
  /** Why it does not hold; undefined: every order was accepted, at that rate, and nothing piled up. */
  fails: string | undefined
  result: LoadResult
  used: Sample
}

/** Orders that were accepted and are not in the index, by time. */
type Backlog = { at: number; waiting: number }[]

/** A queue grows when this share of what comes in stays behind, or so many a second where that is less than noise. */
const growthShare = 0.03
const growthLeast = 50

/** Orders a second by which the backlog grew between the two halves of what was seen after the first third. */
export function growthOf(backlog: Backlog): number {
  const settled = backlog.slice(Math.floor(backlog.length / 3))
  const half = Math.floor(settled.length / 2)
  const [early, late] = [settled.slice(0, half), settled.slice(half)]
  const mean = (of: Backlog, by: (one: Backlog[number]) => number) =>
    of.reduce((sum, one) => sum + by(one), 0) / of.length
  const seconds = (mean(late, ({ at }) => at) - mean(early, ({ at }) => at)) / 1_000
  return (mean(late, ({ waiting }) => waiting) - mean(early, ({ waiting }) => waiting)) / seconds
}

/** How often a lower rate is tried, each a tenth below, where the one that was found does not hold for longer. */
const lowerMax = 10

/** Finds the highest rate at which nothing piles up on the whole way, and measures at it; nothing if there is none. */
export async function sustained(stage: Stage, api: Running, worker: Running): Promise<Sample> {
  const { probes, probe_seconds, hold_seconds } = stage.settings
  const attempt = async (rate: number, seconds: number): Promise<Try> => {
    const tried = await tryRate(stage, { api, worker }, rate, seconds)
    stage.say(`  ${Math.round(rate)}/s for ${seconds} s: ${tried.fails ?? 'holds'}`)
    await settled(stage)
    return tried
  }
  const requests = { kind: 'orders', keyed: false } as const
  await stage.load({ kind: 'constant', url: api.url, requests, rate: 400, seconds: stage.settings.warmup_seconds + 2 })
  await settled(stage)
  let [low, high] = [0, Number.POSITIVE_INFINITY]
  for (let rate = 1_000, tries = 0; tries < probes && high / Math.max(low, 1) > 1.12; tries += 1) {
    if ((await attempt(rate, probe_seconds)).fails === undefined) low = rate
    else high = rate
    rate = high === Number.POSITIVE_INFINITY ? low * 1.5 : low === 0 ? rate / 2 : (low + high) / 2
  }
  for (let rate = low, tries = 0; rate > 0 && tries < lowerMax; tries += 1, rate *= 0.9) {
    const { fails, result, used } = await attempt(rate, hold_seconds)
    if (fails !== undefined) continue
    return {
      rate: result.count / result.seconds,
      offered: rate,
      p50_ms: result.latency.p50,
      p99_ms: result.latency.p99,
      ...used,
    }
  }
  return {}
}

async function tryRate(stage: Stage, measured: Record<string, Running>, rate: number, seconds: number): Promise<Try> {
  const before = await stage.stores.progress()
  const backlog: Backlog = []
  let accepted = 0
  const url = measured['api']?.url ?? ''
  const meter = stage.meter(measured)
  let loading = true
  const watching = (async () => {
    while (loading) {
      const { indexed } = await stage.stores.progress()
      backlog.push({ at: performance.now(), waiting: accepted - (indexed - before.persisted) })
      await sleep(100)
    }
  })()
  const requests = { kind: 'orders', keyed: false } as const
  const result = await stage
    .load({ kind: 'constant', url, requests, rate, seconds }, ({ count }) => {
      accepted = count
    })
    .finally(() => {
      loading = false
    })
  await watching
  const used = meter.stop(result.count)
  return { rate, fails: whyNot(rate, result, growthOf(backlog)), result, used }
}

function whyNot(rate: number, { failed, count, seconds, latency }: LoadResult, growth: number): string | undefined {
  if (failed > 0) return `${failed} were refused`
  if (count / seconds < rate * 0.97) return `only ${Math.round(count / seconds)}/s were accepted`
  if (latency.p99 >= 1_000) return `p99 ${Math.round(latency.p99)} ms`
  const most = Math.max(growthLeast, rate * growthShare)
  return growth > most ? `${Math.round(growth)}/s pile up` : undefined
}

/** Waits until all that follows the table has what was accepted: what one try leaves undone shall not be done in the next. */
async function settled(stage: Stage): Promise<void> {
  for (let calm = 0; calm < 5; ) {
    stage.signal.throwIfAborted()
    const { persisted, followed } = await stage.stores.progress()
    calm = persisted === followed ? calm + 1 : 0
    await sleep(100)
  }
}
