import type { Job, JobQueue } from '@ordermill/database'
import { toError, Unavailable } from '@ordermill/model'
import type { Logger } from '@ordermill/telemetry'
import { backoff_ms, pause } from './waiting.ts'

/** What a job is given: its arguments, and how to say how far it is. `report` gives false once it should end. */
export interface JobContext {
  id: string
  arguments: Record<string, unknown>
  /** What an attempt before this one has reported last. */
  progress: Record<string, unknown> | null
  signal: AbortSignal
  report(progress: Record<string, unknown>): Promise<boolean>
}
/** Does a job of one kind; what it gives is its result. @throws Unavailable to be tried again; anything else fails it */
export type JobHandler = (context: JobContext) => Promise<Record<string, unknown>>

interface JobParts {
  queue: JobQueue
  holder: string
  handlers: Record<string, JobHandler>
  /** These kinds alone, or all others. */
  which: { kinds: string[]; others: boolean }
  log: Logger
}

const lease_ms = 30_000
const look_ms = 250
const attemptsMax = 5

/** Takes jobs one after the other until `signal` aborts. A job whose worker vanished is taken over when its lease ends. */
export async function runJobs(parts: JobParts, signal: AbortSignal): Promise<void> {
  const { queue, holder, which, log } = parts
  while (!signal.aborted) {
    try {
      const job = await queue.claim(holder, lease_ms, which)
      if (job === undefined) await pause(look_ms, signal)
      else await runJob(job, parts, signal)
    } catch (thrown) {
      log.debug({ err: toError(thrown) }, 'jobs wait')
      await pause(backoff_ms(4), signal)
    }
  }
}

async function runJob(job: Job, { queue, holder, handlers, log }: JobParts, signal: AbortSignal): Promise<void> {
  const { id, kind } = job
  const ended = new AbortController()
  const end = AbortSignal.any([signal, ended.signal])
  const handler = handlers[kind]
  if (!(await queue.start(id, holder))) return void (await queue.fail(id, holder, 'cancelled', undefined))
  const beat = setInterval(() => {
    queue.progress(id, holder, lease_ms, null).then(
      (goOn) => goOn || ended.abort(),
      () => undefined, // the lease outlives a few of these
    )
  }, lease_ms / 5)
  try {
    if (handler === undefined) throw new Error(`no worker knows jobs of the kind ${kind}`)
    const report = (progress: Record<string, unknown>) => queue.progress(id, holder, lease_ms, progress)
    const result = await handler({ id, arguments: job.arguments, progress: job.progress, signal: end, report })
    await queue.complete(id, holder, result)
    log.info({ job: id, kind, result }, 'job completed')
  } catch (thrown) {
    const error = toError(thrown)
    const again = error instanceof Unavailable && (signal.aborted || job.attempts + 1 < attemptsMax)
    await queue.fail(
      id,
      holder,
      error.message,
      again ? backoff_ms(job.attempts + 1, { base_ms: 1_000, cap_ms: 60_000 }) : undefined,
    )
    log.warn({ err: error, job: id, kind, again }, 'job failed')
  } finally {
    clearInterval(beat)
  }
}
