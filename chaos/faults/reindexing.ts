import type { Scene } from '../scenarios/scenario.ts'
import type { Service } from '../stack.ts'

interface State {
  indices: { name: string; role: string; change_seq: number }[]
  job: { id: string; state: string; error: string | null; result: Record<string, unknown> | null } | null
}

/** Asks the API for JSON. @throws Error unless it answers 200 or 202 */
async function ask<T>({ stack }: Scene, method: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${stack.apis[0]?.url}/api/${path}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  })
  const text = await answer.text()
  if (answer.status !== 200 && answer.status !== 202) throw new Error(`${path} is answered ${answer.status}: ${text}`)
  return JSON.parse(text) as T
}
const reindex = (scene: Scene) => ask<State>(scene, 'GET', 'admin/reindex')

/** Looks several times a second. @throws Error after `patience_s` */
async function until<T>(scene: Scene, what: string, look: () => Promise<T | undefined>, patience_s = 900): Promise<T> {
  for (const end = performance.now() + patience_s * 1_000; performance.now() < end; ) {
    const found = await look().catch(() => undefined)
    if (found !== undefined) return found
    await scene.wait(0.2)
  }
  throw new Error(`not within ${patience_s} s: ${what}`)
}

/** So long at least the load is what the scenario says; once all is killed and back, in seconds. Then it is so many operations a second. */
const full_s = 120
const easy = 150

/**
 * The index is built anew while the worker that feeds it is killed twice, and Elasticsearch once in between. Where two indices cannot be
 * fed as fast as is written, the new one gets there once less is.
 */
export async function reindexThroughKills(scene: Scene): Promise<void> {
  const { stack, load, wait, say } = scene
  const client = watch(scene)
  scene.finally(() => client.end())
  const before = await stack.stores.lastChange()
  const started = performance.now()
  await ask(scene, 'POST', 'admin/reindex', {})
  /** Waits until so much of what stood at the beginning is in the new index. @throws Error if it serves already, or never will */
  const fed = async (part: number) => {
    const at = await until(scene, `${part} of it is fed`, async () => {
      const { indices, job } = await reindex(scene)
      const building = indices.find(({ role }) => role === 'building')?.change_seq ?? 0
      return building >= part * before ? building : isOver(job) ? job?.state : undefined
    })
    if (typeof at !== 'number') throw new Error(`it was ${at} before so much could be broken`)
    say(`  ${part * 100} % fed after ${seconds(started)} s`)
  }
  for (const [at, part] of [0.1, 0.3, 0.5].entries()) {
    await fed(part)
    if (at === 1) {
      await stack.server('elasticsearch').kill('SIGKILL')
      await wait(2)
      // On a busy machine reading its log again may take longer than a start may; what it has read by then it need not read again.
      await stack
        .server('elasticsearch')
        .start()
        .catch(() => stack.server('elasticsearch').start())
      say(`  Elasticsearch is back after ${seconds(started)} s`)
    } else {
      const worker = await until(scene, 'a worker feeds the new index', () => feeding(stack.workers))
      await worker.process.kill('SIGKILL')
      await worker.process.start()
    }
  }
  await wait(Math.max(0, full_s - (performance.now() - started) / 1_000))
  const changes = (await stack.stores.lastChange()) - before
  say(`  ${changes} changes within ${seconds(started)} s; the load eases`)
  load.ease(easy)
  const job = await until(scene, 'it has ended', async () => {
    const found = (await reindex(scene)).job
    return isOver(found) ? found : undefined
  })
  say(`  ${job?.state} after ${seconds(started)} s, ${(await stack.stores.lastChange()) - before} changes meanwhile`)
  if (job?.state !== 'COMPLETED') throw new Error(`the reindex has failed: ${job?.error}`)
  await client.end()
  say(`  ${client.said()}`)
  if (client.missed.length > 0)
    throw new Error(`${client.missed.length} searches missed what was indexed: ${client.missed.slice(0, 3).join('; ')}`)
}

const isOver = (job: State['job']) => job !== null && ['COMPLETED', 'FAILED', 'CANCELLED'].includes(job.state)
const seconds = (since: number) => ((performance.now() - since) / 1_000).toFixed(0)

/** The worker whose follower feeds the index that is being built. */
async function feeding(workers: Service[]): Promise<Service | undefined> {
  for (const worker of workers) {
    const answer = await fetch(`${worker.url}/health`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined)
    const health = (await answer?.json()) as { dependencies?: { followers?: Record<string, string> } } | undefined
    if (health?.dependencies?.followers?.['building'] === 'follows') return worker
  }
  return undefined
}

/** A client that places orders until they are indexed, and searches for those that it was told are, all the while. */
function watch(scene: Scene) {
  const { load, random } = scene
  const known: { id: string; customer_id: string }[] = []
  const engines: Record<string, number> = {}
  const missed: string[] = []
  let ended = false
  const search = async ({ id, customer_id }: (typeof known)[number]) => {
    const where = { keyword_match: { must: { customer_id } } }
    const answer = await fetch(`${scene.stack.apis[0]?.url}/api/orders/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ where, limit: 2 }),
      signal: AbortSignal.timeout(10_000),
    })
    const text = await answer.text()
    const engine = answer.headers.get('x-search-engine') ?? String(answer.status)
    engines[engine] = (engines[engine] ?? 0) + 1
    if (!text.includes(id))
      missed.push(`${id} by ${engine}, ${answer.headers.get('x-search-lag-seconds')} s behind: ${text.slice(0, 200)}`)
  }
  const running = (async () => {
    for (let n = 0; !ended; n += 1) {
      const customer_id = `watched-${n}`
      const told = await load.place({ customer_id }, { wait: 'indexed' })
      if (told?.status === 201 && told.id !== undefined) known.push({ id: told.id, customer_id })
      const some = [known.at(-1), ...Array.from({ length: 9 }, () => known[random.below(known.length)])]
      for (const one of some) if (one !== undefined) await search(one)
    }
  })()
  running.catch(() => undefined) // end() tells
  return {
    missed,
    end() {
      ended = true
      return running
    },
    said: () => `${known.length} orders told to be indexed, searches by engine: ${JSON.stringify(engines)}`,
  }
}

/** Counts how the index differs from Postgres: by a job, unless it is done at once. */
async function audit(scene: Scene): Promise<Record<string, unknown>> {
  const answer = await ask<Record<string, unknown>>(scene, 'POST', 'admin/audit', { repair: false })
  const { id } = answer
  if (typeof id !== 'string') return answer
  return await until(scene, 'the audit has ended', async () => {
    const { state, result } = await ask<NonNullable<State['job']>>(scene, 'GET', `admin/jobs/${id}`)
    return state === 'COMPLETED' ? (result ?? undefined) : undefined
  })
}

/** Nothing in the new index is stale; then searches go back to the one before, and the new one is dropped. */
export async function goBack(scene: Scene): Promise<void> {
  const result = await audit(scene)
  scene.say(`  an audit of the new index: ${JSON.stringify(result)}`)
  if (result['left'] !== 0) throw new Error(`the new index differs: ${JSON.stringify(result)}`)
  const kept = (await reindex(scene)).indices.find(({ role }) => role === 'kept')?.name
  const { index } = await ask<{ index: string }>(scene, 'POST', 'admin/reindex/rollback')
  if (index !== kept) throw new Error(`searches went back to ${index}, and not to ${kept}`)
  await ask(scene, 'POST', 'admin/reindex/drop')
}
