import { dirname, join } from 'node:path'
import type { Plan } from './plan.ts'
import { portFrom } from './ports.ts'
import type { Env } from './programs.ts'

const repository = dirname(import.meta.dirname)

/**
 * What keeps a service small: measured under load, 170 to 180 MB resident with these and 235 to 290 MB without. Most of it is
 * glibc's arenas; the compile cache saves the type stripper and half a second at each start.
 */
export const smallProcess = {
  flags: ['--max-semi-space-size=4', '--optimize-for-size'],
  env: (folder: string) => ({ MALLOC_ARENA_MAX: '2', NODE_COMPILE_CACHE: join(folder, 'compiled') }),
}

/** The API and the worker as the supervisor sees them: one more kind of server. */
export function planServices(folder: string, env: Env): { api: Plan; worker: Plan } {
  const service = (name: 'api' | 'worker', title: string, option: string, fallback: number): Plan => {
    const port = portFrom(env, option, fallback)
    const url = `http://127.0.0.1:${port}`
    return {
      name,
      title,
      command: process.execPath,
      args: [...smallProcess.flags, join(repository, 'services', name, 'main.ts')],
      env: { ...smallProcess.env(folder), ...defined(env), [option]: String(port) },
      account: {},
      dataDir: join(folder, name),
      cwd: repository,
      logFile: join(folder, `${name}.log`),
      ports: [{ number: port, option }],
      url,
      variables: {},
      stopSignal: 'SIGTERM',
      stopTimeoutMs: 15_000,
      readyTimeoutMs: 60_000,
      prepare: async () => undefined,
      async ready(signal) {
        const answer = await fetch(`${url}/health/ready`, { signal })
        await answer.body?.cancel()
        if (answer.status !== 200) throw new Error(`not ready: ${answer.status}`)
      },
    }
  }
  return {
    api: service('api', 'The API', 'API_PORT', 8080),
    worker: service('worker', 'The worker', 'WORKER_PORT', 9091),
  }
}

function defined(env: Env): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}
