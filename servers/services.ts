import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { serversFolder } from './folders.ts'
import type { Plan } from './plan.ts'
import { portFrom } from './ports.ts'
import type { Env } from './programs.ts'

const repository = dirname(import.meta.dirname)
const flags = ['--no-allocation-site-pretenuring', '--no-maglev', '--concurrent-turbofan-max-threads=1']

/**
 * What keeps a service small, and its collector cheap.
 * - Young generation of 16 MB: with 4 the collector took a third of the API's time while it searched and a fifth while it accepted, since
 *   what is in hand was moved to the old one, which had to be collected twice a second. That is 20 MB more. The worker has batches in
 *   hand that outlive the young generation however large that is: for it 8, and more room for the old one.
 * - No pretenuring: V8 guesses from early collections what will live for long. In one process of four it guessed so of what lives for a
 *   request, and kept with it all that it leads to, for as long as the process ran: a read from the cache cost 0.037 to 0.045 ms instead
 *   of 0.023, a floor's 0.033 instead of 0.017.
 * - No Maglev (the compiler between the quick one and the good one): 20 MB less, and as fast once it is warm.
 * - The old generation may grow by so much before it is collected: in the worker by 50 % instead of 30 a drain with search costs it a
 *   tenth less, for 10 MB; in the API 60 instead of 30 would be a tenth, for 25 MB.
 * - Without the variables it would be 60 MB more (glibc's arenas), and 20 (glibc does not give back large blocks at once, and what the
 *   compiler frees is such).
 */
export const smallProcess = {
  flags: {
    api: ['--max-semi-space-size=16', ...flags, '--heap-growing-percent=25'],
    worker: ['--max-semi-space-size=8', ...flags, '--heap-growing-percent=50'],
  },
  variables: {
    MALLOC_ARENA_MAX: '2',
    MALLOC_MMAP_THRESHOLD_: '131072',
    MALLOC_TRIM_THRESHOLD_: '131072',
    NODE_COMPILE_CACHE_PORTABLE: '1', // an image is made in one folder and runs in another
  },
}

/** The same as an environment, with the one cache of compiled code that all of this checkout share. */
export const smallEnvironment = (): Record<string, string> => ({
  ...smallProcess.variables,
  NODE_COMPILE_CACHE: compiledFolder(),
})

const compiledFolder = () => join(serversFolder(), 'cache/compiled')

/**
 * Fills that cache before the first start: the process that strips types keeps the stripper for as long as it lives, which is 25 MB. As
 * `--help` loads all that a service runs on, it is there for the second.
 */
async function compile(name: 'api' | 'worker', signal: AbortSignal): Promise<void> {
  const stamp = join(compiledFolder(), `${name}.stamp`)
  if (existsSync(stamp)) return
  const args = [...smallProcess.flags[name], mainOf(name), '--help']
  await promisify(execFile)(process.execPath, args, { env: smallEnvironment(), signal })
  writeFileSync(stamp, '')
}

const mainOf = (name: 'api' | 'worker') => join(repository, 'services', name, 'main.ts')

/** The API and the worker as the supervisor sees them: one more kind of server. */
export function planServices(folder: string, env: Env): { api: Plan; worker: Plan } {
  const service = (name: 'api' | 'worker', title: string, option: string, fallback: number): Plan => {
    const port = portFrom(env, option, fallback)
    const url = `http://127.0.0.1:${port}`
    return {
      name,
      title,
      command: process.execPath,
      args: [...smallProcess.flags[name], mainOf(name)],
      env: { ...smallEnvironment(), ...defined(env), [option]: String(port) },
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
      prepare: (signal) => compile(name, signal),
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
