import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServerName, serversFolder } from '@ordermill/servers'
import { cachedRows, gets } from './cases/read.ts'
import { requestOf } from './cases/search.ts'
import { fillQueue } from './fill.ts'
import { type CpuProfile, flameGraph, hottest } from './flame.ts'
import { fillSearched } from './search-fill.ts'
import { searches } from './searches.ts'
import type { Settings } from './settings.ts'
import { onStage, type Stage } from './stage.ts'

interface Profiling {
  settings: Settings
  signal: AbortSignal
  say(line: string): void
}

/** What can be profiled: the API while it accepts, while it is read from, and while it is searched; the worker. */
export const profiles = ['api', 'reads', 'searches', 'worker'] as const
export type Profiled = (typeof profiles)[number]

const loads: Record<Profiled, (stage: Stage, flags: string[]) => Promise<void>> = {
  api: accepting,
  reads: reading,
  searches: searching,
  worker: draining,
}

/** Profiles a service under load; leaves profile and flame graph in .servers/bench, and gives what to print. */
export async function profile(name: Profiled, around: Profiling): Promise<string> {
  const written = mkdtempSync(join(tmpdir(), 'ordermill-bench-'))
  try {
    const flags = ['--cpu-prof', `--cpu-prof-dir=${written}`, '--cpu-prof-interval=500']
    const which: ServerName[] = [
      'postgres',
      'redis',
      'rabbitmq',
      ...(name === 'searches' ? ['elasticsearch' as const] : []),
    ]
    await onStage({ ...around, which }, (stage) => loads[name](stage, flags))
    const [file] = readdirSync(written).filter((one) => one.endsWith('.cpuprofile'))
    if (file === undefined) throw new Error('the process left no profile')
    const found = JSON.parse(readFileSync(join(written, file), 'utf8')) as CpuProfile
    const folder = join(serversFolder(), 'bench')
    mkdirSync(folder, { recursive: true })
    const page = join(folder, `${name}.html`)
    cpSync(join(written, file), join(folder, `${name}.cpuprofile`))
    writeFileSync(page, flameGraph(found, `Ordermill: CPU of ${name}`))
    return `${hottest(found)}\n\nFlame graph: ${page} (and ${name}.cpuprofile beside it, for any viewer)`
  } finally {
    rmSync(written, { recursive: true, force: true })
  }
}

async function accepting(stage: Stage, flags: string[]): Promise<void> {
  const api = await stage.service('api', { search: false, flags })
  const requests = { kind: 'orders', keyed: false } as const
  stage.say('Loading the API')
  await stage.load({ kind: 'closed', url: api.url, requests, connections: 50, seconds: stage.settings.seconds * 5 })
  await api.stop()
}

async function reading(stage: Stage, flags: string[]): Promise<void> {
  const api = await stage.service('api', { search: false, flags })
  const { ids } = await cachedRows(stage, api.url)
  stage.say('Reading from the API')
  const load = { kind: 'closed', url: api.url, requests: gets(ids), connections: 50 } as const
  await stage.load({ ...load, seconds: stage.settings.seconds * 5 })
  await api.stop()
}

async function searching(stage: Stage, flags: string[]): Promise<void> {
  await fillSearched(stage, stage.settings.medium)
  const api = await stage.service('api', { flags })
  stage.say('Searching through the API')
  const requests = { kind: 'plain' as const, requests: searches.map(requestOf) }
  const load = { kind: 'closed' as const, url: api.url, requests, connections: 20 }
  await stage.load({ ...load, seconds: stage.settings.seconds * 10 })
  await api.stop()
}

async function draining(stage: Stage, flags: string[]): Promise<void> {
  const count = stage.settings.drained * 3
  stage.say(`Filling the queue with ${count} orders`)
  await fillQueue({ env: stage.servers.env, namespace: '', count, cached: true, bundled: true, signal: stage.signal })
  stage.say('Draining it')
  const worker = await stage.service('worker', { search: false, flags })
  while ((await stage.stores.progress()).persisted < count) {
    stage.signal.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await worker.stop()
}
