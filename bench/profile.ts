import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serversFolder } from '@ordermill/servers'
import { fillQueue } from './fill.ts'
import { type CpuProfile, flameGraph, hottest } from './flame.ts'
import type { Settings } from './settings.ts'
import { onStage, type Stage } from './stage.ts'

interface Profiling {
  settings: Settings
  signal: AbortSignal
  say(line: string): void
}

/** Profiles a service under load; leaves profile and flame graph in .servers/bench, and gives what to print. */
export async function profile(name: 'api' | 'worker', around: Profiling): Promise<string> {
  const written = mkdtempSync(join(tmpdir(), 'ordermill-bench-'))
  try {
    const flags = ['--cpu-prof', `--cpu-prof-dir=${written}`, '--cpu-prof-interval=500']
    await onStage({ ...around, which: ['postgres', 'redis', 'rabbitmq'] }, (stage) =>
      name === 'api' ? loadApi(stage, flags) : loadWorker(stage, flags),
    )
    const [file] = readdirSync(written).filter((one) => one.endsWith('.cpuprofile'))
    if (file === undefined) throw new Error(`the ${name} left no profile`)
    const found = JSON.parse(readFileSync(join(written, file), 'utf8')) as CpuProfile
    const folder = join(serversFolder(), 'bench')
    mkdirSync(folder, { recursive: true })
    const page = join(folder, `${name}.html`)
    cpSync(join(written, file), join(folder, `${name}.cpuprofile`))
    writeFileSync(page, flameGraph(found, `Ordermill: CPU of the ${name}`))
    return `${hottest(found)}\n\nFlame graph: ${page} (and ${name}.cpuprofile beside it, for any viewer)`
  } finally {
    rmSync(written, { recursive: true, force: true })
  }
}

async function loadApi(stage: Stage, flags: string[]): Promise<void> {
  const api = await stage.service('api', { search: false, flags })
  const requests = { kind: 'orders', keyed: false } as const
  stage.say('Loading the API')
  await stage.load({ kind: 'closed', url: api.url, requests, connections: 50, seconds: stage.settings.seconds * 5 })
  await api.stop()
}

async function loadWorker(stage: Stage, flags: string[]): Promise<void> {
  const count = stage.settings.drained * 3
  stage.say(`Filling the queue with ${count} orders`)
  await fillQueue({ env: stage.servers.env, namespace: '', count, cached: true, signal: stage.signal })
  stage.say('Draining it')
  const worker = await stage.service('worker', { search: false, flags })
  while ((await stage.stores.progress()).persisted < count) {
    stage.signal.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await worker.stop()
}
