import { setTimeout as sleep } from 'node:timers/promises'
import { toError } from '@ordermill/model'
import type { Service, Stack } from './stack.ts'

/** How long all is waited for: longer than it may take, to see what comes of it. */
const waitMax_ms = 90_000

/**
 * Waits until nothing moves any more: no requests in hand, no marks, no messages, followers at the end. Gives when that began, or what
 * still moves.
 */
export async function untilQuiet(
  stack: Stack,
  healedAt: number,
): Promise<{ recovery_s: number | undefined; open: string | undefined }> {
  const { stores } = stack
  let quietSince: number | undefined
  let open = 'nothing was seen'
  while (performance.now() < healedAt + waitMax_ms) {
    const at = performance.now()
    const moving = await whatMoves(stack).catch((thrown: unknown) => toError(thrown).message)
    if (moving === undefined) quietSince ??= at
    else {
      quietSince = undefined
      open = moving
    }
    // What is unacknowledged is known a few seconds late.
    const late = quietSince === undefined ? 1 : await stores.queuedLate().catch(() => 1)
    if (quietSince !== undefined && late === 0 && performance.now() - quietSince > 1_000)
      return { recovery_s: Math.max(0, quietSince - healedAt) / 1_000, open: undefined }
    if (quietSince !== undefined) open = `${late} messages in the queues`
    await sleep(200)
  }
  return { recovery_s: undefined, open }
}

async function whatMoves({ apis, stores }: Stack): Promise<string | undefined> {
  const inHand = (await Promise.all(apis.map(requestsInHand))).reduce((sum, count) => sum + count, 0)
  if (inHand !== 0) return `${inHand} requests in hand`
  const { unsent, sent } = await stores.dirty()
  if (unsent + sent !== 0) return `${unsent} unsent and ${sent} sent marks`
  const queued = await stores.queued()
  if (queued !== 0) return `${queued} messages in the queues`
  if (await stores.isBehind()) return 'the barrier of an epoch'
  const behind = await stores.behind()
  return behind === 0 ? undefined : `followers are ${behind} changes behind`
}

/** Requests that an API is at, though whoever asked may have left. @throws Error if it does not answer */
async function requestsInHand({ url }: Service): Promise<number> {
  const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(2_000) })
  const count = /^http_requests_in_hand\{.*\} (\d+)$/m.exec(await answer.text())?.[1]
  if (count === undefined) throw new Error('an API does not tell how many requests it has in hand')
  return Number(count)
}
