import { environment } from '@ordermill/config'
import { createDatabase, createJobQueue, createJobs, createLeases } from '@ordermill/database'
import { newId } from '@ordermill/model'
import { corner, until } from '@ordermill/servers/testing'
import { createLogger } from '@ordermill/telemetry'
import t from 'tap'
import { scheduleAudits } from './audit-schedule.ts'

t.test('audits are asked for by the schedule: one at a time, and one for all workers', async (t) => {
  const { env } = await corner(t, environment())
  const dsn = env['POSTGRES_DSN'] ?? ''
  const database = createDatabase({ dsn, name: 'test', poolMax: 3, timeout_ms: 10_000, onLost: () => undefined })
  t.teardown(() => database.stop())
  const jobs = createJobs(database)
  const log = createLogger({ service: 'test', level: 'silent' })
  let asked = 0
  const start = (interval_ms: number) => {
    const leases = createLeases(database, newId())
    const counted = {
      ...leases,
      hold: (...parts: Parameters<typeof leases.hold>) => leases.hold(...parts).finally(() => (asked += 1)),
    }
    const end = scheduleAudits({ schedule: { interval_ms }, jobs, leases: counted, log })
    t.teardown(end)
    return end
  }
  start(20)
  start(20)
  await until('both have asked often', () => asked >= 10)
  const [job, ...others] = await jobs.list({ limit: 10 })
  t.match(job, { kind: 'audit', state: 'OPEN', arguments: {} })
  t.same(others, [])
  const queue = createJobQueue(database)
  await queue.claim('one', 30_000)
  await queue.start(job?.id ?? '', 'one')
  await queue.complete(job?.id ?? '', 'one', {})
  await until('the next one is asked for', async () => (await jobs.list({ limit: 10 })).length === 2)
  scheduleAudits({ schedule: undefined, jobs, leases: createLeases(database, newId()), log })()
})
