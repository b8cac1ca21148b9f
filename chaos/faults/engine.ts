import type { Scene } from '../scenarios/scenario.ts'

/** Sets something of Elasticsearch; null: as it was. @throws Error if it refuses */
async function put({ stack }: Scene, path: string, body: unknown): Promise<void> {
  const answer = await fetch(`${stack.env['ELASTICSEARCH_URL']}${path}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  })
  if (!answer.ok) throw new Error(`Elasticsearch answers ${answer.status} to ${path}: ${await answer.text()}`)
  await answer.body?.cancel()
}

/** The index is blocked, or not any more: `write` answers each document 403, `read_only_allow_delete` (disks are full) 429. */
const block = (scene: Scene, name: 'write' | 'read_only_allow_delete', on: true | null) =>
  put(scene, '/orders/_settings', { [`index.blocks.${name}`]: on })

/** So much may be in flight: beyond it a whole call is answered 429. */
const breaker = (scene: Scene, limit: string | null) =>
  put(scene, '/_cluster/settings', { persistent: { 'network.breaker.inflight_requests.limit': limit } })

/** One way of refusing after the other. */
export async function refuse(scene: Scene): Promise<void> {
  const { wait, outage_s } = scene
  scene.finally(() => breaker(scene, null))
  scene.finally(() => block(scene, 'write', null))
  scene.finally(() => block(scene, 'read_only_allow_delete', null))
  await block(scene, 'read_only_allow_delete', true)
  await wait(outage_s / 3)
  await block(scene, 'write', true)
  await wait(outage_s / 3)
  await block(scene, 'write', null)
  await block(scene, 'read_only_allow_delete', null)
  await breaker(scene, '200b')
  await wait(outage_s / 3)
}

/** The follower is sent back to the first change: most documents are there already (409), some are new, at times all are refused (429). */
export async function startOver(scene: Scene): Promise<void> {
  const { stack, random, wait } = scene
  scene.finally(() => block(scene, 'read_only_allow_delete', null))
  for (let times = 0; times < 6; times += 1) {
    await stack.stores.pool.query("UPDATE search_cursors SET change_seq = 0 WHERE index_uuid <> '(changes)orders'")
    await wait(random.float())
    await block(scene, 'read_only_allow_delete', true)
    await wait(random.float() * 0.5)
    await block(scene, 'read_only_allow_delete', null)
  }
}
