import { readdirSync, statSync, symlinkSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../servers/testing.ts'
import type { Scene } from '../scenarios/scenario.ts'

/** Killed, and its append-only file cut at any byte near its end, as a power cut would: the last writes are forgotten. */
export async function cutTail({ stack, random, say }: Scene): Promise<void> {
  const redis = stack.server('redis')
  await redis.kill('SIGKILL')
  const folder = join(redis.dataDir, 'appendonlydir')
  const name = readdirSync(folder).find((file) => file.endsWith('.incr.aof'))
  if (name === undefined) throw new Error('Redis has no append-only file')
  const file = join(folder, name)
  const { size } = statSync(file)
  const cut = Math.min(size, 200 + random.below(60_000))
  truncateSync(file, size - cut)
  say(`  ${cut} of ${size} bytes of its append-only file are gone`)
}

/** Redis has no memory left: it takes nothing new, and throws nothing away for it. */
export async function fillMemory({ stack }: Scene): Promise<void> {
  await stack.stores.redis.config('SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '1mb')
}

/** As much memory as there is, as it was started. */
export async function freeMemory({ stack }: Scene): Promise<void> {
  await stack.stores.redis.config('SET', 'maxmemory-policy', 'volatile-lru', 'maxmemory', '0')
}

/** No space is left for the append-only file: its next part is a device that is always full. */
export async function fillDisk({ stack }: Scene): Promise<void> {
  const { dataDir } = stack.server('redis')
  const folder = join(dataDir, 'appendonlydir')
  const parts = readdirSync(folder).map((file) => Number(/\.(\d+)\.incr\.aof$/.exec(file)?.[1] ?? 0))
  symlinkSync('/dev/full', join(folder, `appendonly.aof.${Math.max(...parts) + 1}.incr.aof`))
  await rewrite(stack, 'err')
}

/** There is space again: the append-only file is written anew. */
export const freeDisk = ({ stack }: Scene): Promise<void> => rewrite(stack, 'ok')

async function rewrite({ stores: { redis } }: Scene['stack'], status: 'ok' | 'err'): Promise<void> {
  await redis.bgrewriteaof()
  await until(`writing the append-only file: ${status}`, async () => {
    const state = await redis.info('persistence')
    return state.includes('aof_rewrite_in_progress:0') && state.includes(`aof_last_write_status:${status}`)
  })
}
