import type { Jobs, Ledger, ParkedRow, ParkedView, Selection } from '@ordermill/database'
import { newId, Unavailable } from '@ordermill/model'
import { type Publisher, PublishFailed } from '@ordermill/queue'
import type { Logger } from '@ordermill/telemetry'
import type { JobHandler } from './jobs.ts'
import { replayOf } from './parked-message.ts'
import { pause } from './waiting.ts'

interface ReplayParts {
  ledger: Pick<Ledger, 'standing' | 'replayed'>
  publisher: Pick<Publisher, 'publish'>
  exchange: string
  log: Logger
}

/** A record that came back so often is replayed by force alone. */
const replaysMax = 3
/** So many are published at once, and so long a round takes at least: 200 a second. */
const page = 50
const round_ms = 250

/**
 * The job that publishes parked records again. Rows are marked once the broker has the message: a worker that ends between the two
 * publishes it twice, which is a duplicate and nothing more. What comes back meanwhile is not taken a second time.
 */
export function createReplay(parts: ReplayParts): JobHandler {
  return async ({ arguments: { n, code, fingerprint, type, up_to, force }, signal, report }) => {
    const selection = { n, code, fingerprint, type, upTo: up_to } as Selection
    const done = { replayed: 0, held: 0 }
    for (let after = 0; ; ) {
      const rows = await parts.ledger.standing(selection, after, page)
      const round = pause(rows.length < page ? 0 : round_ms, signal)
      for (const row of rows) {
        if (force === true || row.replays < replaysMax) done.replayed += 1
        else done.held += 1
      }
      await replayRows(
        rows.filter(({ replays }) => force === true || replays < replaysMax),
        parts,
      )
      after = rows.at(-1)?.n ?? after
      if (rows.length < page) return done
      await round
      if (signal.aborted || !(await report(done))) throw new Unavailable('stopping', 'The replay was stopped.')
    }
  }
}

/** Publishes these, and marks those that the broker took, in one transaction. @throws what the first of the others failed with */
async function replayRows(rows: ParkedRow[], { ledger, publisher, exchange, log }: ReplayParts): Promise<void> {
  const tried = await Promise.allSettled(rows.map((row) => publisher.publish(replayOf(row, exchange))))
  const taken = rows.filter((_, at) => tried[at]?.status === 'fulfilled')
  await ledger.replayed(taken)
  for (const { n, code, id, version, correlationId: correlation_id, replays } of taken)
    log.info({ n, code, id, version, correlation_id, replays: replays + 1 }, 'replayed')
  const failed = tried.find((one) => one.status === 'rejected')
  if (failed === undefined) return
  const cause: unknown = failed.reason
  if (!(cause instanceof PublishFailed)) throw cause
  throw new Unavailable('queue-away', 'The broker did not take what is to be replayed.', { cause })
}

interface KnownParts {
  jobs: Pick<Jobs, 'open'>
  parked: Pick<ParkedView, 'lastParking' | 'standsUnknown'>
  /** Whether the deliveries come to this worker. */
  isActive(): boolean
  /** Sends something harmless the way of the records. */
  sound(): Promise<void>
}

/**
 * Asks for a replay of what older workers could not read for its type, and this one can. Only while this worker gets the deliveries:
 * an older one would park them again. Whether it does is sounded out. Does nothing while another replay is open, nor about what keeps
 * coming back.
 */
export async function replayKnown(type: string, { jobs, parked, isActive, sound }: KnownParts): Promise<void> {
  if (!(await parked.standsUnknown(type, replaysMax))) return
  if (!isActive()) return await sound()
  const up_to = await parked.lastParking()
  await jobs.open(newId(), 'replay-group', { code: 'unknown-type', type, up_to })
}
