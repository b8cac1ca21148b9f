import { dirname, join } from 'node:path'
import type { Plan } from './plan.ts'
import { portFrom } from './ports.ts'
import type { Env } from './programs.ts'

const repository = dirname(import.meta.dirname)

/**
 * What keeps a service small, and its collector cheap. With a young generation of 4 MB the collector took a third of the API's time while
 * it searched and a fifth while it accepted: what is in hand was moved to the old one, which had to be collected twice a second. With 16
 * MB accepting costs a fifth less CPU and searching a quarter; that is 20 MB more. Without the variables it would be 25 MB more again (the
 * type stripper), 60 (glibc's arenas), and 20 (glibc does not give back large blocks at once, and what the compiler frees is such);
 * the compile cache saves half a second at each start, too. The worker holds pages of documents: its old generation grows by 15 %.
 */
export const smallProcess = {
  flags: {
    api: ['--max-semi-space-size=16', '--heap-growing-percent=30'],
    worker: ['--max-semi-space-size=16', '--heap-growing-percent=15'],
  },
  env: (folder: string) => ({
    MALLOC_ARENA_MAX: '2',
    MALLOC_MMAP_THRESHOLD_: '131072',
    MALLOC_TRIM_THRESHOLD_: '131072',
    NODE_COMPILE_CACHE: join(folder, 'compiled'),
  }),
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
      args: [...smallProcess.flags[name], join(repository, 'services', name, 'main.ts')],
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
