import { until } from '../../servers/testing.ts'
import type { Scenario, Scene } from '../scenarios/scenario.ts'
import { shuffled } from '../simulation/random.ts'
import type { Service } from '../stack.ts'
import { holdBack } from './broker.ts'
import { setServer } from './postgres.ts'

/** An API or a worker is killed; the stack starts it again. */
export const killedService = (kind: Service['kind']): Pick<Scenario, 'break' | 'heal'> => ({
  async break({ stack, random }) {
    const services = kind === 'api' ? stack.apis : stack.workers
    await services[random.below(services.length)]?.process.kill('SIGKILL')
  },
  heal: ({ stack }) => stack.ready(),
})

/** The worker that persists: what it has persisted grows within a second. @throws Error if none does */
export async function activeWorker({ stack, wait }: Scene): Promise<Service> {
  const before = await Promise.all(stack.workers.map((worker) => persistedBy(worker)))
  for (let tries = 0; tries < 20; tries += 1) {
    await wait(0.3)
    const now = await Promise.all(stack.workers.map((worker) => persistedBy(worker)))
    const at = now.findIndex((count, index) => count > (before[index] ?? 0))
    const found = stack.workers[at]
    if (found !== undefined) return found
  }
  throw new Error('no worker persists anything')
}

const persistedBy = (worker: Service, label?: string) => counted(worker, 'records_persisted_total', label)

/** What a counter of a service says since it was started: all of it, or what has this label. */
async function counted({ url }: Service, name: string, label = ''): Promise<number> {
  const text = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(2_000) }).then(
    (answer) => answer.text(),
    () => '',
  )
  return [...text.matchAll(new RegExp(`^${name}\\{([^}]*)\\} (\\S+)$`, 'gm'))]
    .filter(([, labels = '']) => labels.includes(label))
    .reduce((sum, [, , n]) => sum + Number(n), 0)
}

/** So often a worker may have ended its transaction just before it hangs. */
const freezesMax = 50

/** The worker that persists hangs between two statements of a transaction, its locks in hand. @throws Error if none is met there */
export async function freezeInTransaction(scene: Scene): Promise<void> {
  const { stack, wait } = scene
  scene.finally(() => thawWorkers(scene))
  const worker = await activeWorker(scene)
  const isOpen = async (since_ms = 0) => {
    const { rowCount } = await stack.stores.pool.query(
      `SELECT FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid AND l.locktype = 'advisory' AND l.granted
       WHERE a.state = 'idle in transaction' AND a.state_change <= clock_timestamp() - $1 * interval '1 ms'`,
      [since_ms],
    )
    return (rowCount ?? 0) > 0
  }
  for (let tries = 0; tries < freezesMax; tries += 1) {
    await until('a transaction is open', () => isOpen())
    await worker.process.kill('SIGSTOP')
    await wait(0.2)
    if (await isOpen(150)) return // nobody else's, begun meanwhile
    await worker.process.kill('SIGCONT')
  }
  throw new Error('no worker was met in a transaction')
}

export async function thawWorkers({ stack }: Scene): Promise<void> {
  for (const worker of stack.workers) await worker.process.kill('SIGCONT')
}

/** A worker repeats an attempt for this reason. @throws Error if none does */
export const untilRetried = ({ stack }: Scene, code: string): Promise<unknown> =>
  until(`a worker tries again: ${code}`, async () => {
    const counts = await Promise.all(stack.workers.map((one) => counted(one, 'persist_retries_total', `code="${code}`)))
    return counts.some((count) => count > 0)
  })

/**
 * All workers are killed together, again soon after they are ready: nobody takes over from them, so that what waits meanwhile is
 * delivered to one after the other of them, and little of it is persisted each time.
 */
export async function killWorkers({ stack, wait, random }: Scene, times: number): Promise<void> {
  for (let killed = 0; killed < times; killed += 1) {
    await Promise.all(stack.workers.map((worker) => worker.process.kill('SIGKILL')))
    await Promise.all(stack.workers.map((worker) => worker.process.start()))
    await wait(random.float() * 0.3)
  }
}

/** The worker that persists is stopped in order and started again, some times. */
export async function stopWorkers(scene: Scene, times: number): Promise<void> {
  for (let stopped = 0; stopped < times; stopped += 1) {
    const worker = await activeWorker(scene)
    await worker.process.stop()
    await worker.process.start()
  }
}

/** Starts every service that was killed. */
export async function restartKilled({ stack }: Scene): Promise<void> {
  await Promise.all([...stack.apis, ...stack.workers].map((service) => service.process.start()))
}

/** The API is killed with requests between cache and broker, and what stood on the wire is lost with the broker. */
export async function killBetween(scene: Scene): Promise<void> {
  await holdBack(scene)
  await scene.stack.apis[0]?.process.kill('SIGKILL')
  await scene.stack.server('rabbitmq').kill('SIGKILL')
}

/** The API is killed after it has published and before it could answer: the broker has it all. */
export async function killUnanswered(scene: Scene): Promise<void> {
  await holdBack(scene)
  await scene.stack.apis[0]?.process.kill('SIGKILL')
  await scene.stack.server('rabbitmq').kill('SIGCONT')
}

/** The API is killed at any moment; every other time it hangs before, so that confirms have arrived that it never read. */
export async function killApis(scene: Scene, times: number): Promise<void> {
  const { stack, wait, random } = scene
  for (let killed = 0; killed < times; killed += 1) {
    await wait(0.3 + random.float() * 0.5)
    const api = stack.apis[0]
    if (killed % 2 === 1) {
      await api?.process.kill('SIGSTOP')
      await wait(0.3)
    }
    await api?.process.kill('SIGKILL')
    await restartKilled(scene)
  }
}

/** So often, for each kill that is wanted, a commit may be met that is of no batch: that of a probe, or of a bulk. */
const commitsMet = 4
/** Longest until something that was committed comes again, in milliseconds. */
const againMax_ms = 15_000

/**
 * Workers are killed while Postgres commits their batch: nobody acks it. So often, and on until some of it has come again.
 * @throws Error if nothing was persisted so
 */
export async function killAtCommits(scene: Scene, times: number): Promise<void> {
  const { stack, say, wait } = scene
  // The longest that Postgres takes a commit to be: 0.1 s.
  for (const [name, value] of Object.entries({ commit_delay: '100000', commit_siblings: '0' })) {
    scene.finally(() => setServer(scene, name, undefined))
    await setServer(scene, name, value)
  }
  const duplicates = async () => {
    const counts = await Promise.all(stack.workers.map((worker) => persistedBy(worker, 'outcome="duplicate"')))
    return counts.reduce((sum, count) => sum + count, 0)
  }
  let again = 0
  for (let killed = 1; again === 0; killed += 1) {
    if (killed > times * commitsMet) throw new Error('nothing that was committed came again')
    await until('a batch is being committed', async () => {
      const { rowCount } = await stack.stores.pool.query(
        `SELECT FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid AND l.locktype = 'advisory' AND l.granted
         WHERE a.state = 'active' AND a.query = 'COMMIT'`,
      )
      return (rowCount ?? 0) > 0
    })
    await Promise.all(stack.workers.map((worker) => worker.process.kill('SIGKILL')))
    await restartKilled(scene)
    if (killed < times) continue
    for (const end = performance.now() + againMax_ms; again === 0 && performance.now() < end; await wait(0.02))
      again = await duplicates()
  }
  say(`  ${again} records came again that had been committed`)
}

/** Every service is replaced, workers first, each as often: the new ones are ready before the old ones are stopped. */
export async function replaceAll({ stack, wait }: Scene, times: number): Promise<void> {
  for (let replaced = 0; replaced < times; replaced += 1) {
    await stack.replace('worker')
    await stack.replace('api', unhurried)
    await wait(0.5)
  }
}

/** APIs that give a balancer the time to leave them. */
export const unhurried = { SHUTDOWN_DELAY_MS: '1500' }

/** Every part is killed once, in any order, and started again; the next one does not wait for it to be back. */
export async function killEverything({ stack, outage_s, random, wait, say }: Scene): Promise<void> {
  const parts = [
    ...serverNames.map((name) => [name, () => [stack.server(name)]] as const),
    ...(['apis', 'workers'] as const).map((kind) => [kind, () => stack[kind].map((one) => one.process)] as const),
  ]
  const each_s = outage_s / parts.length
  const back: Promise<unknown>[] = []
  const began = performance.now()
  for (const [at, [name, processes]] of shuffled(parts, random).entries()) {
    await wait(random.float() * each_s * 0.5)
    await Promise.all(processes().map((one) => one.kill('SIGKILL')))
    say(`  ${name} killed`)
    await wait(0.5 + random.float())
    const all = Promise.all(processes().map((one) => one.start())).then(() => say(`  ${name} back`))
    all.catch(() => undefined) // awaited below
    back.push(all)
    await wait(Math.max(0, (at + 1) * each_s - (performance.now() - began) / 1_000))
  }
  await Promise.all(back)
}

const serverNames = ['redis', 'rabbitmq', 'postgres', 'elasticsearch'] as const
