import type { Session } from './database.ts'

export type JobState = 'OPEN' | 'IN_QUEUE' | 'PROCESSING' | 'COMPLETED' | 'FAILED' | 'RETRY_IN_QUEUED' | 'CANCELLED'

/** A job as operators see it. */
export interface Job {
  id: string
  kind: string
  arguments: Record<string, unknown>
  state: JobState
  progress: Record<string, unknown> | null
  result: Record<string, unknown> | null
  error: string | null
  attempts: number
  cancel_requested: boolean
  created_at: string
  updated_at: string
}

/** Jobs as their askers see them. */
export interface Jobs {
  /** Asks for a job; undefined while one of its kind is open, queued or running. */
  open(id: string, kind: string, args: Record<string, unknown>): Promise<Job | undefined>
  read(id: string): Promise<Job | undefined>
  /** The newest of a kind. */
  last(kind: string): Promise<Job | undefined>
  /** Newest first. `before` is the id of the last one of the page before. */
  list(page: { limit: number; before?: string | undefined }): Promise<Job[]>
  /** When a job of this kind was completed last. */
  completedAt(kind: string): Promise<Date | undefined>
  /** Asks a job to end; one that nobody has started is cancelled at once. Undefined if it has ended already. */
  cancel(id: string): Promise<Job | undefined>
}

/** Jobs as a worker sees them. Every step but `claim` gives false once the lease has gone to somebody else, or the job was cancelled. */
export interface JobQueue {
  /** Takes the oldest job that waits, or whose worker has vanished: of these kinds, or of all others. */
  claim(holder: string, lease_ms: number, which?: { kinds: string[]; others: boolean }): Promise<Job | undefined>
  start(id: string, holder: string): Promise<boolean>
  /** Prolongs the lease and says how far the job is. */
  progress(id: string, holder: string, lease_ms: number, progress: Record<string, unknown> | null): Promise<boolean>
  complete(id: string, holder: string, result: Record<string, unknown>): Promise<boolean>
  /** Ends the job as failed, or queues it again after `retry_ms`. */
  fail(id: string, holder: string, error: string, retry_ms: number | undefined): Promise<boolean>
}

const list = `id, kind, arguments, state, progress, result, error, attempts, cancel_requested, iso(created_at) AS created_at, iso(updated_at) AS updated_at`

export function createJobs(session: Session): Jobs {
  const first = async (text: string, values: unknown[]): Promise<Job | undefined> =>
    (await session.query<Job>({ text, values }))[0]
  return {
    open: (id, kind, args) =>
      first(`INSERT INTO jobs (id, kind, arguments) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING ${list}`, [
        id,
        kind,
        args,
      ]),
    read: (id) => first(`SELECT ${list} FROM jobs WHERE id = $1`, [id]),
    last: (kind) => first(`SELECT ${list} FROM jobs WHERE kind = $1 ORDER BY created_at DESC, id DESC LIMIT 1`, [kind]),
    list: ({ limit, before }) =>
      session.query<Job>({
        text: `SELECT ${list} FROM jobs WHERE $2::uuid IS NULL
          OR (jobs.created_at, jobs.id) < (SELECT j.created_at, j.id FROM jobs j WHERE j.id = $2)
          ORDER BY jobs.created_at DESC, jobs.id DESC LIMIT $1`,
        values: [limit, before ?? null],
      }),
    async completedAt(kind) {
      const text = `SELECT max(updated_at) AS at FROM jobs WHERE kind = $1 AND state = 'COMPLETED'`
      const [row] = await session.query<{ at: Date | null }>({ name: 'jobs-completed', text, values: [kind] })
      return row?.at ?? undefined
    },
    cancel: (id) =>
      first(
        `UPDATE jobs SET cancel_requested = true, updated_at = now(),
          state = CASE WHEN state IN ('OPEN', 'RETRY_IN_QUEUED') THEN 'CANCELLED' ELSE state END
        WHERE id = $1 AND state IN ('OPEN', 'IN_QUEUE', 'PROCESSING', 'RETRY_IN_QUEUED') RETURNING ${list}`,
        [id],
      ),
  }
}

export function createJobQueue(session: Session): JobQueue {
  const step = async (set: string, id: string, holder: string, values: unknown[] = []) => {
    const rows = await session.query({
      text: `UPDATE jobs SET updated_at = now(), ${set} WHERE id = $1 AND holder = $2
        AND state IN ('IN_QUEUE', 'PROCESSING') AND lease_until > now() RETURNING cancel_requested`,
      values: [id, holder, ...values],
    })
    return rows[0]?.['cancel_requested'] === false
  }
  return {
    async claim(holder, lease_ms, { kinds, others } = { kinds: [], others: true }) {
      const [job] = await session.query<Job>({
        name: 'job-claim',
        text: `UPDATE jobs SET state = 'IN_QUEUE', holder = $1, lease_until = now() + $2 * interval '1 ms', updated_at = now()
          WHERE id = (SELECT id FROM jobs WHERE (kind = ANY($3::text[])) <> $4
              AND ((state IN ('OPEN', 'RETRY_IN_QUEUED') AND run_after <= now())
                OR (state IN ('IN_QUEUE', 'PROCESSING') AND lease_until <= now()))
            ORDER BY created_at, id FOR UPDATE SKIP LOCKED LIMIT 1)
          RETURNING ${list}`,
        values: [holder, lease_ms, kinds, others],
      })
      return job
    },
    start: (id, holder) => step(`state = 'PROCESSING', attempts = attempts + 1`, id, holder),
    progress: (id, holder, lease_ms, progress) =>
      step(`lease_until = now() + $3 * interval '1 ms', progress = coalesce($4::jsonb, progress)`, id, holder, [
        lease_ms,
        progress,
      ]),
    complete: (id, holder, result) =>
      step(`state = 'COMPLETED', result = $3, error = NULL, lease_until = NULL`, id, holder, [result]),
    fail: (id, holder, error, retry_ms) =>
      step(
        `error = $3, lease_until = NULL, run_after = now() + coalesce($4::float8, 0) * interval '1 ms',
          state = CASE WHEN cancel_requested THEN 'CANCELLED' WHEN $4::float8 IS NULL THEN 'FAILED' ELSE 'RETRY_IN_QUEUED' END`,
        id,
        holder,
        [error, retry_ms ?? null],
      ),
  }
}
