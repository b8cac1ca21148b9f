import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Scene } from '../scenarios/scenario.ts'

const hour_ms = 3_600_000
/** How far off the clocks are, in milliseconds: read by the services that were started with it. */
const file = join(tmpdir(), `ordermill-clock-${process.pid}`)
const shifted = { NODE_OPTIONS: `--import ${new URL('./shifted-clock.ts', import.meta.url).href}?offset=${file}` }
/** Services whose clock may be set. */
export const withClock = { api: shifted, worker: shifted }

/** The clocks of the services are an hour fast, then an hour slow, then right again: the servers' clocks stay. */
export async function setClocks({ outage_s, wait }: Scene): Promise<void> {
  for (const offset_ms of [hour_ms, -hour_ms]) {
    writeFileSync(file, String(offset_ms))
    await wait(outage_s / 2)
  }
}

/** They are right again. */
export const resetClocks = async (): Promise<void> => rmSync(file, { force: true })
