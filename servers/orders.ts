import { Agent } from 'node:http'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Account, readAccount, readLag } from './order-counts.ts'
import { readOrders, surveyOrders } from './orders-file.ts'
import { placeOrder } from './place-order.ts'
import type { Platform } from './platform.ts'
import { Progress } from './progress.ts'

const CONNECTIONS = 50
const PATIENCE_MS = 120_000
/** Waiting for arrivals ends when nothing has arrived for this long. */
const STALLED_MS = 60_000

type Asked = Pick<Platform, 'api' | 'env'>
type Refused = { line: number; reason: string }

/**
 * Places the orders of a file, waits until nothing is in flight, and prints the account. True when all is persisted and can be found.
 */
export async function placeOrdersOf(path: string, platform: Asked, signal: AbortSignal): Promise<boolean> {
  const file = resolve(path)
  const survey = await surveyOrders(file)
  const { ids, refused } = await placeAll(file, survey, platform.api, signal)
  const account = await accounted(platform, signal)
  const lag = platform.env.ELASTICSEARCH_URL === undefined ? undefined : await indexed(platform, account, signal)
  console.log(inWords(ids.length, refused, account, lag))
  return account.exact && account.difference === 0 && account.parked === 0 && (lag ?? 0) === 0
}

async function placeAll(
  file: string,
  { hash, lines }: { hash: string; lines: number },
  api: string,
  signal: AbortSignal,
): Promise<{ ids: string[]; refused: Refused[] }> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const counter = { api, agent, patienceMs: PATIENCE_MS, signal }
  const progress = new Progress(process.stdout, 'Placed', lines)
  const orders = readOrders(file)
  const ids: string[] = []
  const refused: Refused[] = []
  const placeOnOneConnection = async (): Promise<void> => {
    for await (const { line, text } of { [Symbol.asyncIterator]: () => ({ next: () => orders.next() }) }) {
      // From the content, so that the same file placed again is the same orders again.
      const placed = await placeOrder(counter, text, `file-${hash.slice(0, 32)}-${line}`)
      if ('id' in placed) ids.push(placed.id)
      else refused.push({ line, reason: placed.refused })
      progress.show(ids.length + refused.length)
    }
  }
  try {
    await Promise.all(Array.from({ length: CONNECTIONS }, placeOnOneConnection))
  } finally {
    agent.destroy()
  }
  progress.finish(ids.length + refused.length)
  return { ids, refused: refused.sort((a, b) => a.line - b.line) }
}

/** Waits until nothing is in flight any more, and gives the account of all that was ever placed there. */
async function accounted(platform: Asked, signal: AbortSignal): Promise<Account> {
  let account = await readAccount(platform)
  const progress = new Progress(process.stdout, 'Persisted', account.accepted)
  await whileItMoves(async () => {
    account = await readAccount(platform).catch(() => account)
    progress.show(account.accepted - account.in_flight)
    return { at: account.in_flight, isDone: account.exact }
  }, signal)
  progress.finish(account.accepted - account.in_flight)
  return account
}

/** Waits until search knows every change; gives how many it lacks. */
async function indexed(platform: Asked, { persisted }: Account, signal: AbortSignal): Promise<number> {
  const progress = new Progress(process.stdout, 'Indexed', persisted)
  let lag = persisted
  await whileItMoves(async () => {
    lag = await readLag(platform).catch(() => lag)
    progress.show(Math.max(0, persisted - lag))
    return { at: lag, isDone: lag === 0 }
  }, signal)
  progress.finish(Math.max(0, persisted - lag))
  return lag
}

/** Looks again and again until it is done, or nothing has moved for too long. */
async function whileItMoves(look: () => Promise<{ at: number; isDone: boolean }>, signal: AbortSignal): Promise<void> {
  let movedAt = performance.now()
  for (let before = Number.NaN; performance.now() - movedAt < STALLED_MS; ) {
    const { at, isDone } = await look()
    if (isDone) return
    if (at !== before) movedAt = performance.now()
    before = at
    await sleep(250, undefined, { signal })
  }
}

function inWords(accepted: number, refused: Refused[], account: Account, lag: number | undefined): string {
  const row = (what: string, count: number | string): string =>
    `${what.padEnd(11)}${count.toLocaleString('en').padStart(9)}`
  const { since, exact, persisted, rejected, discarded, parked, in_flight, difference } = account
  return [
    '',
    row('placed', accepted),
    row('refused', refused.length),
    ...refused.map(({ line, reason }) => `  line ${line}: ${reason}`),
    `versions since ${since}${exact ? '' : ' (still moving)'}`,
    row('accepted', account.accepted),
    ...Object.entries({ persisted, rejected, discarded, parked, 'in flight': in_flight, difference }).map(
      ([what, count]) => row(what, count),
    ),
    row('not indexed', lag ?? 'no search'),
  ].join('\n')
}
