import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Command } from './command.ts'
import { startComposed } from './compose.ts'
import { serversFolder } from './folders.ts'
import { givenServers } from './given.ts'
import { Guard } from './guard.ts'
import { followLog, inBrief } from './log-follower.ts'
import { serverNames } from './plan.ts'
import { portsFrom } from './ports.ts'
import { ServerProblem } from './problem.ts'
import { type Env, run } from './programs.ts'
import { planServices } from './services.ts'
import { type Servers, startServers } from './start.ts'
import { Supervised } from './supervisor.ts'
import { waitFor } from './waiting.ts'

const repository = dirname(import.meta.dirname)

/** All that `npm start` runs. */
export type Platform = {
  env: Record<string, string>
  api: string
  worker: string
  notes: string[]
  /** Services first, then servers, each with its time to end. */
  stop(): Promise<void>
  /** All at once, at the price of whatever is in flight. */
  kill(): Promise<void>
}

/** What the parts of a start share. */
export type Surroundings = { env: Env; command: Command; log(line: string): void }

/** Servers of `npm start`: given, else Docker, else native under .servers/start; their addresses are kept in `env` there. */
export async function startDevelopmentServers(
  around: Surroundings,
  guard: Guard,
  signal: AbortSignal,
): Promise<Servers> {
  const { env, command, log } = around
  const folder = join(serversFolder(), 'start')
  const which = serverNames.filter((name) => name !== 'elasticsearch' || command.search)
  const missing = which.filter((name) => !givenServers(env, which).names.includes(name))
  const notes: string[] = []
  const composed = command.native
    ? undefined
    : await startComposed(missing, env, { log, note: (line) => notes.push(line) })
  const servers = await startServers({
    dataDir: folder,
    which,
    ports: portsFrom(env),
    env: { ...env, ...composed?.env },
    log,
    restart: true,
    guard,
    signal,
  })
  if (!command.search) notes.push('Started with --no-search: search answers from Postgres.')
  const envFile = join(folder, 'env')
  mkdirSync(folder, { recursive: true }) // where every server is given, nothing has made it
  writeFileSync(envFile, asLines(servers.env))
  return {
    ...servers,
    notes: [...notes, ...servers.notes],
    async stop() {
      rmSync(envFile, { force: true })
      await servers.stop()
      await composed?.stop()
    },
  }
}

/** The environment as a file: one KEY=VALUE a line. */
export function asLines(env: Record<string, string>): string {
  return Object.entries(env)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

/** Starts everything in its order: servers, schema, services. Resolves when the services say they are ready. */
export async function startPlatform(around: Surroundings, stopping: AbortSignal): Promise<Platform> {
  const { log } = around
  const guard = new Guard()
  const servers = await startDevelopmentServers(around, guard, stopping)
  const services: Supervised[] = []
  const followers: (() => void)[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(services.map((service) => service.stop()))
    for (const end of followers) end()
    await servers.stop()
    guard.close()
  }
  const kill = async (): Promise<void> => {
    for (const service of services) service.expectEnd()
    await Promise.all([...services.map((service) => service.kill('SIGKILL')), servers.kill()])
  }
  try {
    stopping.throwIfAborted()
    const env: Env = { ...around.env, ...servers.env }
    if (!around.command.search) delete env.ELASTICSEARCH_URL
    await migrate(env)
    const plans = planServices(join(serversFolder(), 'start'), env)
    for (const plan of [plans.api, plans.worker]) {
      followers.push(
        followLog(plan.logFile, (line) => {
          const brief = inBrief(plan.name, line)
          if (brief !== undefined) log(brief)
        }),
      )
      services.push(new Supervised(plan, { guard, log, restart: true }))
    }
    log('Starting the API and the worker')
    stopping.throwIfAborted()
    await Promise.all(services.map((service) => service.start()))
    await waitFor(() => caughtUp(plans.api.url, stopping), { timeoutMs: 10_000, signal: stopping })
    return { env: servers.env, api: plans.api.url, worker: plans.worker.url, notes: servers.notes, stop, kill }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A cache that has just begun anew refuses keyed orders for a moment: nobody's first one shall meet that. */
async function caughtUp(api: string, signal: AbortSignal): Promise<true | undefined> {
  const answer = await fetch(`${api}/health`, { signal })
  return (await answer.text()).includes('catching up') ? undefined : true
}

async function migrate(env: Env): Promise<void> {
  try {
    await run(process.execPath, [join(repository, 'tools/migrate.ts'), 'up'], {
      cwd: repository,
      env: { ...env },
      timeout: 600_000,
    })
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error)
    throw new ServerProblem('ENDED', `The database could not be brought up to date.\n${said}`, { cause: error })
  }
}
