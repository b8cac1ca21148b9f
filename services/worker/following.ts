import type { Change, Place } from '@ordermill/database'
import { Unavailable } from '@ordermill/model'
import type { FedIndex, WriteResult } from '@ordermill/search'
import type { FollowerParts } from './follower.ts'
import { backoff_ms, pause } from './waiting.ts'

type Parts = Pick<
  FollowerParts,
  | 'name'
  | 'stored'
  | 'cursors'
  | 'rejects'
  | 'writer'
  | 'batch'
  | 'every_ms'
  | 'refresh_ms'
  | 'log'
  | 'metrics'
  | 'yielding'
> & {
  labels: { collection: string; follower: string }
  /** How many times its usual part of the time it may work, so far behind. */
  impatience(behind: number): number
  /** Told whenever a page was written, or nothing was there to write: all that it needs has answered. */
  works(): void
  /** Waits, or until there is something to read. */
  rest(ms: number, signal: AbortSignal): Promise<void>
}

/** A stretch of following: what, by which token, from where, and until when. */
interface Stretch {
  index: FedIndex
  token: number
  place: Place
  until: number
}

/** How often items that the engine does not take now are tried again by themselves, before the page is read anew. */
const itemTriesMax = 4
/** Between two pages that are not full so much comes together that few calls are made; what comes alone goes at once. */
const gather_ms = 100
/** So many pages behind it is being filled. */
const pagesBehind = 50

/**
 * How long at least from one refresh to the next, in milliseconds: a tenth of the usual time for a single change, longer with each
 * further one that waits to be found, and thirty times the usual while an index is being filled, when nobody is to wait for it.
 */
export const refreshAfter_ms = (usual_ms: number, waiting: number, isFilling: boolean): number =>
  isFilling ? 30 * usual_ms : Math.min(usual_ms, usual_ms * (0.1 + waiting / 2_000))

/** A page that is being written. */
interface Page {
  changes: Change[]
  results: Promise<WriteResult[]>
}

/**
 * Feeds from where the cursor stands until the time is over, the signal aborts, or somebody else moves the cursor. Full pages are read
 * and written beside each other, as many as the writer takes at once; the cursor moves over them in order.
 * @throws Unavailable (`not-taken`) if nothing of a page is taken now, or whatever what it needs throws
 */
export async function follow(parts: Parts, stretch: Stretch, signal: AbortSignal): Promise<void> {
  const pages: Page[] = []
  try {
    await followOn(parts, stretch, pages, signal)
  } finally {
    await settled(pages)
  }
}

/** Waits for what is on its way, whatever comes of it: it is read and written again. */
const settled = (pages: Page[]) => Promise.allSettled(pages.splice(0).map(({ results }) => results))

async function followOn(
  parts: Parts,
  { index, token, place, until }: Stretch,
  pages: Page[],
  signal: AbortSignal,
): Promise<void> {
  const { writer, cursors, batch, refresh_ms, every_ms, yielding, rest } = parts
  const { uuid } = index
  let { change_seq: cursor, refreshed_seq: refreshed } = place
  let refreshedAt = performance.now() - (refresh_ms ?? 0)
  let isFilling = false
  let known = await parts.rejects.any(uuid)

  /** Refreshes what was written, once it is time; gives how long until it is. */
  const refreshDue = async (): Promise<number> => {
    if (refresh_ms === undefined || refreshed >= cursor) return Number.POSITIVE_INFINITY
    const left = refreshedAt + refreshAfter_ms(refresh_ms, cursor - refreshed, isFilling) - performance.now()
    if (left > 0) return left
    await writer.refresh?.()
    await cursors.refreshed(uuid, cursor, token)
    refreshed = cursor
    refreshedAt = performance.now()
    return Number.POSITIVE_INFINITY
  }
  /** Begins to write what comes next, and what comes behind a full page beside it. */
  const begin = async () => {
    const most = yielding?.isAlone() === false ? 1 : (writer.pagesMax ?? 1)
    while (pages.length < most) {
      const before = pages.at(-1)?.changes
      if (before !== undefined && before.length < batch) return
      const changes = await parts.stored.changesAfter(before?.at(-1)?.change_seq ?? cursor, batch)
      if (changes.length === 0) return
      const results = write(changes, parts, signal)
      results.catch(() => undefined) // told when it is its turn
      pages.push({ changes, results })
    }
  }
  const isOver = () => signal.aborted || performance.now() >= until

  for (;;) {
    const started = performance.now()
    if (!isOver()) await begin()
    const page = pages.shift()
    if (page === undefined) {
      if (isOver()) return
      parts.metrics.behind.set(parts.labels, 0)
      isFilling = false
      await writer.expectMuch?.(false)
      const due_ms = await refreshDue()
      parts.works()
      await rest(Math.min(every_ms, due_ms), signal)
      continue
    }
    const { changes } = page
    const results = await page.results
    const passed = passedOf(changes, results)
    known = await record(uuid, passed, results, known, parts)
    const to = passed.at(-1)?.change_seq
    if (to === undefined) {
      if (signal.aborted) return
      throw new Unavailable('not-taken', 'What comes next is not taken now.')
    }
    if (!(await cursors.move(uuid, cursor, to, token))) return // somebody else follows, or moved it: start over from where it is
    cursor = to
    if (passed.length < changes.length) await settled(pages) // they come after what is missing
    const isFull = changes.length === batch
    const behind = isFull ? Math.max(0, (await parts.stored.lastChange()) - to) : 0
    parts.metrics.behind.set(parts.labels, behind)
    isFilling = behind > pagesBehind * batch
    await writer.expectMuch?.(isFilling)
    await refreshDue()
    parts.works()
    await yielding?.rest(performance.now() - started, signal, parts.impatience(behind))
    if (!isFull) await pause(started + gather_ms - performance.now(), signal)
  }
}

/** Writes a page. Items that the engine does not take now are tried again by themselves, with growing pauses. */
async function write(changes: Change[], { writer, metrics, name, labels }: Parts, signal: AbortSignal) {
  const attempt = async (some: Change[]) => {
    const started = performance.now()
    const results = await writer.write(some)
    metrics.follow.observe({ follower: name }, (performance.now() - started) / 1_000)
    for (const { outcome } of results) metrics.followed.inc({ ...labels, outcome })
    return results
  }
  const results = await attempt(changes)
  for (let tries = 1; tries < itemTriesMax && !signal.aborted; tries += 1) {
    const again = changes.flatMap((change, at) => (results[at]?.outcome === 'retry' ? [{ change, at }] : []))
    if (again.length === 0) break
    await pause(backoff_ms(tries), signal)
    const now = await attempt(again.map(({ change }) => change))
    for (const [n, { at }] of again.entries()) results[at] = now[n] ?? { outcome: 'retry' }
  }
  return results
}

/** What the cursor may move over: all before the first that was not answered for. */
function passedOf(changes: Change[], results: WriteResult[]): Change[] {
  const firstRetry = results.findIndex(({ outcome }) => outcome === 'retry')
  return firstRetry < 0 ? changes : changes.slice(0, firstRetry)
}

/** Records what the engine will never take, and forgets what it took after all. Gives whether anything may be recorded now. */
async function record(uuid: string, passed: Change[], results: WriteResult[], known: boolean, parts: Parts) {
  const rejected = passed.flatMap(({ id, version, change_seq }, at) => {
    const result = results[at]
    return result?.outcome === 'rejected' ? [{ id, version, change_seq, reason: result.reason }] : []
  })
  if (known) {
    const refused = new Set(rejected.map(({ id }) => id))
    const taken = passed.map(({ id }) => id).filter((id) => !refused.has(id))
    await parts.rejects.forget(uuid, taken)
  }
  if (rejected.length === 0) return known
  await parts.rejects.keep(uuid, rejected)
  parts.log.error({ rejects: rejected.length, first: rejected[0] }, 'the engine will never take these documents')
  return true
}
