import { until } from '../../servers/testing.ts'
import type { ParkedRow } from '../checks/evidence.ts'
import type { Scene } from '../scenarios/scenario.ts'

/** What stands parked since the scenario began, oldest first. */
export const standingParked = async ({
  stack,
  lastParked,
}: Pick<Scene, 'stack' | 'lastParked'>): Promise<ParkedRow[]> =>
  (await stack.stores.parked(lastParked)).filter(({ state }) => state === 'PARKED')

/** Waits until a record is parked, and gives its row. @throws Error if it is not within 30 s */
export const untilParked = (scene: Scene, id: string | undefined): Promise<ParkedRow> =>
  until('it is parked', async () => (await standingParked(scene)).find((row) => row.id === id), 30_000)

/** Has an operator do something about parked rows. Gives the answer's text. @throws Error if it is not done */
export async function operate({ stack }: Pick<Scene, 'stack'>, what: string, body = {}): Promise<string> {
  const answer = await fetch(`${stack.apis[0]?.url}/api/admin/parked/${what}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`${what} is answered ${answer.status}: ${text}`)
  return text
}

/** Discards all that stands parked since the scenario began. */
export async function discardParked(scene: Scene): Promise<void> {
  for (const { n } of await standingParked(scene))
    await operate(scene, `${n}/discard`, { reason: 'the scenario is over', by: 'chaos' })
}

/** Replays all that stands parked, again and again as long as fewer come back. @throws Error if some keep coming back */
export async function replayParked(scene: Scene): Promise<void> {
  const { stack, lastParked, say } = scene
  let left = Number.POSITIVE_INFINITY
  for (;;) {
    const rows = await standingParked(scene)
    if (rows.length === 0) return
    if (rows.length >= left) throw new Error(`${rows.length} keep coming back: ${rows[0]?.code}: ${rows[0]?.reason}`)
    left = rows.length
    say(`  ${left} are replayed: ${[...new Set(rows.map(({ code }) => code))].join(', ')}`)
    await operate(scene, 'replay', { force: true })
    await until('each is persisted, or parked again', async () => {
      const { rows: open } = await stack.stores.pool.query(
        `SELECT FROM parked p WHERE n > $1 AND state = 'REPLAYED' AND NOT EXISTS (SELECT FROM orders o WHERE o.hash = p.hash)
           AND NOT EXISTS (SELECT FROM orders_history h WHERE h.hash = p.hash)`,
        [lastParked],
      )
      return open.length === 0
    })
  }
}
