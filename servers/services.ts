import { dirname, join } from 'node:path'
import type { Plan } from './plan.ts'
import { portFrom } from './ports.ts'
import type { Env } from './programs.ts'

const repository = dirname(import.meta.dirname)

/**
 * What keeps a service small. Measured under load: API and worker have 174 and 185 MB resident with these flags, 216 and more where the
 * heap may grow as it likes, 157 and 179 with --optimize-for-size, which takes one and a half times the CPU. Without the two variables
 * it would be 25 MB more (the type stripper) and 60 (glibc's arenas); the compile cache saves half a second at each start, too.
 */
export const smallProcess = {
  flags: ['--max-semi-space-size=4', '--heap-growing-percent=30'],
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
