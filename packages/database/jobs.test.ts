import { newId } from '@ordermill/model'
import t from 'tap'
import { createJobQueue, createJobs } from './index.ts'
import { testDatabase } from './testing.ts'

const { database } = await testDatabase(t)
const jobs = createJobs(database)
const queue = createJobQueue(database)

t.test(
  'a job that fails for now waits as long as it is told, to a fraction of a millisecond, and is taken again',
  async (t) => {
    const id = newId()
    await jobs.open(id, 'test', {})
    t.match(await queue.claim('one', 30_000), { id })
    t.equal(await queue.start(id, 'one'), true)
    t.equal(await queue.fail(id, 'one', 'not now', 0.25), true)
    t.match(await jobs.read(id), { state: 'RETRY_IN_QUEUED', error: 'not now', attempts: 1 })
    t.match(await queue.claim('another', 30_000), { id })
    await queue.start(id, 'another')
    t.equal(await queue.fail(id, 'another', 'never', undefined), true)
    t.match(await jobs.read(id), { state: 'FAILED', error: 'never', attempts: 2 })
  },
)

t.test('jobs of some kinds are taken apart from all others, and the last end of a kind is known', async (t) => {
  const [long, short] = [newId(), newId()]
  t.equal(await jobs.completedAt('long'), undefined)
  await jobs.open(long, 'long', {})
  await jobs.open(short, 'short', {})
  t.match(await queue.claim('one', 30_000, { kinds: ['long'], others: true }), { id: short })
  t.match(await queue.claim('one', 30_000, { kinds: ['long'], others: false }), { id: long })
  t.equal(await queue.claim('one', 30_000), undefined)
  await queue.start(long, 'one')
  await queue.complete(long, 'one', {})
  t.ok((await jobs.completedAt('long')) instanceof Date)
  t.equal(await jobs.completedAt('short'), undefined)
})
