import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { until } from '@ordermill/servers/testing'
import type { Nobody } from './nobody.ts'
import type { Tree } from './tree.ts'

interface Teardown {
  teardown(handler: () => Promise<void> | void): void
}

/** A service as its container would run it, but for the walls. */
export interface Service {
  /** Where it says that it listens. */
  url: string
  output(): string
  /** The exit code of the image's health check. */
  health(): Promise<number | null>
  /** Sends SIGTERM to what was started, and gives how that ended. */
  terminate(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** Starts the entrypoint of a tree as somebody without rights; killed at the latest in the teardown. */
export async function startService(t: Teardown, tree: Tree, nobody: Nobody, env: Record<string, string>) {
  if (tree.entrypoint[0] !== 'node')
    throw new Error('something stands between the container and Node: it gets the signals')
  const { child, output } = start(t, tree.entrypoint, tree, nobody, env)
  const address = () => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${output()}`)
    return /"address":"(http:[^"]+)"/.exec(output())?.[1]
  }
  const url = await until('the service listens', address, 45_000) // other files start servers beside it
  const port = new URL(url).port
  const service: Service = {
    url,
    output,
    health: () => ended(start(t, tree.healthcheck, tree, nobody, { API_PORT: port, WORKER_PORT: port }).child),
    async terminate() {
      child.kill('SIGTERM')
      await ended(child)
      return { code: child.exitCode, signal: child.signalCode }
    },
  }
  return service
}

/** Runs words in a tree to their end, as a container of that image would. */
export async function runIn(t: Teardown, words: string[], tree: Tree, nobody: Nobody, env: Record<string, string>) {
  const { child, output } = start(t, words, tree, nobody, env)
  return { code: await ended(child), output: output() }
}

function start(t: Teardown, words: string[], tree: Tree, nobody: Nobody, env: Record<string, string>) {
  const [program = '', ...args] = words
  const child = spawn(program, args, {
    cwd: tree.workdir,
    // Only what the image and whoever runs it give: nothing of the environment the tree was built in.
    env: { PATH: nobody.path, ...tree.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...nobody.account,
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      said = (said + data.toString()).slice(-2_000_000)
    })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended(child)
  })
  return { child, output: () => said }
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
  return child.exitCode
}
