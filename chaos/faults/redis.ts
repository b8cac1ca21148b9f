import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
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
