import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Guard } from './guard.ts'
import { install, type Missing } from './install.ts'
import { freePort } from './ports.ts'
import { ServerProblem } from './problem.ts'
import { processId } from './process-table.ts'
import { type Env, findProgram, pathOf } from './programs.ts'

const missing: Missing = {
  title: 'Prometheus',
  aptPackage: 'prometheus',
  hint: 'Prometheus 2.40 or later with promtool (https://prometheus.io/download/)',
}

/** Where the two programs are. */
export interface Programs {
  prometheus: string
  promtool: string
}

function find(env: Env): Programs | undefined {
  const [prometheus, promtool] = ['prometheus', 'promtool'].map((name) => findProgram(name, env))
  return prometheus === undefined || promtool === undefined ? undefined : { prometheus, promtool }
}

/** Finds Prometheus, and installs it where that may be done. @throws ServerProblem PROGRAM_MISSING */
export async function havePrometheus(env: Env, log: (line: string) => void): Promise<Programs> {
  await install(() => (find(env) === undefined ? [missing] : []), env, log)
  const found = find(env)
  if (found === undefined) throw new ServerProblem('PROGRAM_MISSING', 'Prometheus: not installed.')
  return found
}

/** What `promtool check metrics` has to say of a page of metrics: nothing if all is well. */
export async function checkMetrics({ promtool }: Programs, page: string): Promise<string> {
  const child = spawn(promtool, ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      said += data.toString()
    })
  child.stdin.end(page)
  const [code] = (await once(child, 'close')) as [number | null]
  return code === 0 ? said.trim() : said.trim() || `promtool ended with ${code}`
}

/** A Prometheus of its own. */
export interface Prometheus {
  /** The values that a query gives now, by their labels. */
  query(expression: string): Promise<{ metric: Record<string, string>; value: number }[]>
  stop(): Promise<void>
}

/** Starts a Prometheus that scrapes these addresses every second, with its configuration and data in a folder that goes with it. */
export async function startPrometheus(
  { prometheus }: Programs,
  { targets, env }: { targets: Record<string, string>; env: Env },
): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'ordermill-prometheus-'))
  const jobs = Object.entries(targets).map(([name, url]) => ({
    job_name: name,
    static_configs: [{ targets: [new URL(url).host] }],
  }))
  const config = { global: { scrape_interval: '1s', scrape_timeout: '1s' }, scrape_configs: jobs }
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config)) // JSON is YAML
  const address = `127.0.0.1:${await freePort()}`
  const child = spawn(
    prometheus,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
    ],
    { cwd: folder, env: { PATH: pathOf(env) }, stdio: 'ignore' },
  )
  const ended = once(child, 'close').catch(() => undefined)
  const guard = new Guard()
  const id = child.pid === undefined ? undefined : processId(child.pid)
  if (id !== undefined) guard.add({ ...id, signal: 'SIGTERM', graceMs: 5_000 })
  return {
    async query(expression) {
      const response = await fetch(`http://${address}/api/v1/query?query=${encodeURIComponent(expression)}`)
      const { data } = (await response.json()) as {
        data: { result: { metric: Record<string, string>; value: [number, string] }[] }
      }
      return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
      if (id !== undefined) guard.drop(id.pid)
      guard.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
