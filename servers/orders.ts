import { Agent } from 'node:http'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Arrivals, countsInStores, type OrderCounts } from './order-counts.ts'
import { readOrders, surveyOrders } from './orders-file.ts'
import { placeOrder } from './place-order.ts'
import type { Platform } from './platform.ts'
import { Progress } from './progress.ts'

const CONNECTIONS = 50
const PATIENCE_MS = 120_000
/** Waiting for arrivals ends when nothing has arrived for this long. */
const STALLED_MS = 60_000

type Refused = { line: number; reason: string }

/**
 * Places the orders of a file, waits until those accepted have arrived everywhere, and prints the account of them.
 * True when all of them have.
 */
export async function placeOrdersOf(
  path: string,
  platform: Pick<Platform, 'api' | 'env'>,
  signal: AbortSignal,
): Promise<boolean> {
  const file = resolve(path)
  const survey = await surveyOrders(file)
  const { ids, refused } = await placeAll(file, survey, platform.api, signal)
  const counts = countsInStores(platform.env)
  try {
    const search = platform.env.ELASTICSEARCH_URL !== undefined
    const { persisted, indexed } = await arrivals(ids, counts, search, signal)
    console.log(account(ids.length, refused, persisted, indexed))
    return persisted.complete && (indexed?.complete ?? true)
  } finally {
    await counts.close()
  }
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

async function arrivals(
  ids: string[],
  counts: OrderCounts,
  search: boolean,
  signal: AbortSignal,
): Promise<{ persisted: Arrivals; indexed: Arrivals | undefined }> {
  const persisted = new Arrivals(ids, (page) => counts.persisted(page))
  const indexed = search ? new Arrivals(ids, (page) => counts.indexed(page)) : undefined
  for (const [title, arrival] of [
    ['Persisted', persisted],
    ['Indexed', indexed],
  ] as const) {
    if (arrival === undefined) continue
    const progress = new Progress(process.stdout, title, arrival.total)
    let movedAt = performance.now()
    for (let before = -1; !arrival.complete && performance.now() - movedAt < STALLED_MS; ) {
      await arrival.refresh()
      if (arrival.arrived !== before) movedAt = performance.now()
      before = arrival.arrived
      progress.show(before)
      if (!arrival.complete) await sleep(250, undefined, { signal })
    }
    progress.finish(arrival.arrived)
  }
  return { persisted, indexed }
}

function account(accepted: number, refused: Refused[], persisted: Arrivals, indexed: Arrivals | undefined): string {
  const row = (what: string, count: number | string): string =>
    `${what.padEnd(11)}${count.toLocaleString('en').padStart(9)}`
  return [
    '',
    row('accepted', accepted),
    row('refused', refused.length),
    ...refused.map(({ line, reason }) => `  line ${line}: ${reason}`),
    row('persisted', persisted.arrived),
    row('indexed', indexed?.arrived ?? 'no search'),
  ].join('\n')
}
