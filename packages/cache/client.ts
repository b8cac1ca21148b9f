import { joinWrites } from '@ordermill/model'
import { Cluster, Redis } from 'ioredis'
import { connectCluster, infosOf } from './cluster.ts'
import { createCopied } from './copied.ts'
import { expireCommands } from './expiring.ts'
import * as markScripts from './mark-scripts.ts'
import * as scripts from './scripts.ts'

/** What of a Redis client the cache depends on: one server or a cluster. */
export interface CacheClient {
  accept(keys: number, ...keysAndArgs: (string | number)[]): Promise<(string | number)[]>
  fill(keys: number, ...keysAndArgs: (string | number)[]): Promise<(string | number)[]>
  ask(keys: number, ...keysAndArgs: (string | number)[]): Promise<string[]>
  epoch(epoch: string, counters: string, candidate: string): Promise<[epoch: string, holds: number]>
  caughtUp(epoch: string, expected: string): Promise<number>
  unsentUpTo(unsent: string, epochKey: string, id: string, version: number, epoch: string): Promise<number>
  sent(keys: number, ...keysAndArgs: (string | number)[]): Promise<number>
  settle(keys: number, ...keysAndArgs: (string | number)[]): Promise<number>
  park(keys: number, ...keysAndArgs: (string | number)[]): Promise<number>
  discard(record: string, unsent: string, sent: string, parked: string, ...args: (string | number)[]): Promise<number>
  removeClean(record: string, version: number, hash: string): Promise<number>
  get(key: string): Promise<string | null>
  ttl(key: string): Promise<number>
  mget(keys: string[]): Promise<(string | null)[]>
  zcard(key: string): Promise<number>
  zrange(key: string, start: number, stop: number, withScores: 'WITHSCORES'): Promise<string[]>
  zrangebyscore(key: string, min: string, max: number, limit: 'LIMIT', offset: number, count: number): Promise<string[]>
  zrangebyscore(
    key: string,
    min: string,
    max: '+inf',
    withScores: 'WITHSCORES',
    limit: 'LIMIT',
    offset: number,
    count: number,
  ): Promise<string[]>
  zmscore(key: string, ...members: string[]): Promise<(string | null)[]>
  strlen(key: string): Promise<number>
  time(): Promise<number[]>
  hget(key: string, field: string): Promise<string | null>
  /** Whether it was given several addresses, which are those of a cluster. */
  isCluster: boolean
  /** A section of INFO, of the server or of each node of the cluster that answers. */
  infos(section: string): Promise<string[]>
  takeToken(key: string, rate: number, burst: number, owed: number): Promise<[allowed: number, tokens: string]>
  setex(key: string, seconds: number, value: string | number): Promise<string>
  ping(): Promise<string>
  /**
   * Whether a replica has what was written in this epoch to the master of its key; true where there are no replicas, false if the
   * epoch is over there.
   */
  copied(epochKey: string, epoch: string, timeout_ms: number): Promise<boolean>
  /** The servers that hold the keys. */
  masters(): KeyHolder[]
  on(event: 'close' | '+node' | '-node' | 'refresh', listener: () => void): unknown
  disconnect(): void
}

/** One server that holds keys. */
interface KeyHolder {
  scan(
    cursor: string,
    match: 'MATCH',
    pattern: string,
    count: 'COUNT',
    step: number,
  ): Promise<[next: string, keys: string[]]>
}

interface ClientOptions {
  /** One URL for a server, several for a cluster. */
  urls: string[]
  /** Longest a command may take, in milliseconds. */
  timeout_ms: number
  /** Told of every connection lost or refused. */
  onError(error: Error): void
  onReady(): void
}

/**
 * Connects to Redis and keeps connecting. Commands fail at once while it is away: nothing waits in memory.
 * Call `disconnect()` to release it.
 */
export function connectCache({ urls, timeout_ms, onError, onReady }: ClientOptions): CacheClient {
  const retryDelay_ms = (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 6), 2_000) * (0.5 + Math.random() / 2)
  const [answer_ms, silence_ms] = [timeout_ms, 2 * timeout_ms]
  const options = {
    connectTimeout: timeout_ms,
    socketTimeout: silence_ms, // one that answers nothing for so long is away, not slow
    maxRetriesPerRequest: 0,
  }
  const [first, ...others] = urls
  if (first === undefined) throw new Error('no address of Redis was given')
  const redis =
    others.length === 0
      ? new Redis(first, { ...options, enableOfflineQueue: false, retryStrategy: retryDelay_ms })
      : connectCluster({ urls, options, retryDelay_ms, onError, onReady })
  redis.on('error', onError)
  if (redis instanceof Redis) {
    redis.on('ready', onReady)
    tune(redis, answer_ms)
  } else redis.on('+node', (node: Redis) => tune(node, answer_ms))
  redis.defineCommand('accept', { lua: scripts.accept })
  redis.defineCommand('epoch', { numberOfKeys: 2, lua: scripts.epoch })
  redis.defineCommand('caughtUp', { numberOfKeys: 1, lua: scripts.caughtUp })
  redis.defineCommand('unsentUpTo', { numberOfKeys: 2, lua: scripts.unsentUpTo })
  redis.defineCommand('sent', { lua: markScripts.sent })
  redis.defineCommand('settle', { lua: markScripts.settle })
  redis.defineCommand('park', { lua: markScripts.park })
  redis.defineCommand('discard', { numberOfKeys: 4, lua: markScripts.discard })
  redis.defineCommand('removeClean', { numberOfKeys: 1, lua: scripts.removeClean })
  redis.defineCommand('takeToken', { numberOfKeys: 1, lua: scripts.takeToken })
  redis.defineCommand('ask', { lua: scripts.ask })
  redis.defineCommand('fill', { lua: scripts.fill })
  const infos = async (section: string) =>
    redis instanceof Cluster ? await infosOf(redis, section) : [await redis.info(section)]
  const masters = () => (redis instanceof Cluster ? redis.nodes('master') : [redis])
  return Object.assign(redis as unknown as CacheClient, { copied: createCopied(redis), infos, masters })
}

/** Commands of one turn of the event loop go out together, and none waits longer than it may. */
function tune(redis: Redis, timeout_ms: number): void {
  redis.on('connect', () => joinWrites(redis.stream))
  expireCommands(redis, timeout_ms)
}
