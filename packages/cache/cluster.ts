import { toError } from '@ordermill/model'
import { Cluster, type ClusterOptions, type Redis, type RedisOptions } from 'ioredis'

type Access = Pick<RedisOptions, 'username' | 'password' | 'tls'>

/** How often it is asked who holds what, in milliseconds: a replica that was lost is known of no sooner. */
const refreshEvery_ms = 5_000

interface ConnectParts {
  urls: string[]
  options: Pick<RedisOptions, 'connectTimeout' | 'socketTimeout' | 'maxRetriesPerRequest'>
  retryDelay_ms(attempt: number): number
  onError(error: Error): void
  /** Called when all nodes were greeted, and again for each that comes later. */
  onReady(): void
}

/**
 * Connects to a cluster, so that it fails as one server does: at once. What was in flight when its node was lost may have been done,
 * and is never sent again; what finds no master waits nowhere.
 */
export function connectCluster({ urls, options, retryDelay_ms, onError, onReady }: ConnectParts): Cluster {
  const once: ClusterOptions = { enableOfflineQueue: false, retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 }
  const redis = new Cluster(urls, {
    ...once,
    redisOptions: { ...options, ...accessOf(urls[0] ?? '') },
    clusterRetryStrategy: retryDelay_ms,
    slotsRefreshInterval: refreshEvery_ms,
  })
  redis.on('node error', (error: unknown) => onError(toError(error)))
  redis.on('ready', () => void Promise.allSettled(redis.nodes().map(greet)).then(onReady))
  // Replicas too: one that takes over is to be used at once. Later than what has made it known, which goes first.
  redis.on('+node', (node: Redis) => {
    if (redis.status === 'ready') setImmediate(() => greet(node).then(onReady, () => undefined))
  })
  return redis
}

const greet = async (node: Redis): Promise<void> => {
  if (node.status === 'wait') await node.connect()
}

/** User, password and TLS of an address: nodes that are only heard of are named without. */
function accessOf(address: string): Access {
  const { username, password, protocol } = new URL(address)
  return {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  }
}

/** A section of INFO of each node that answers. @throws Error if none does */
export async function infosOf(cluster: Cluster, section: string): Promise<string[]> {
  const asked = await Promise.allSettled(cluster.nodes().map((node) => node.info(section)))
  const found = asked.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
  if (found.length === 0) throw new Error('no node of the cluster answers')
  return found
}

/** The node that holds a key, and how many replicas it ought to have: those that the cluster does not count as lost. */
export async function masterOf(cluster: Cluster, key: string) {
  const [address = '', ...replicas] = cluster.slots[Number(await cluster.cluster('KEYSLOT', key))] ?? []
  const node = cluster.nodes('master').find(({ options: { host, port } }) => `${host}:${port}` === address)
  if (node === undefined) throw new Error(`no master holds ${key}`)
  return { node, address, replicas: replicas.length }
}
