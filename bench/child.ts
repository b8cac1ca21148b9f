import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'

/** A process of the bench. It ends when we do, however we end. */
export interface Child {
  readonly pid: number
  /** What it said when it was ready: an address, or ''. */
  readonly url: string
  /** Has it do something. `onProgress` is told what it sends meanwhile. @throws Error if it failed, or ended */
  ask<R>(task: unknown, onProgress?: (progress: unknown) => void): Promise<R>
  stop(): Promise<void>
}

type Up = { ready: string } | { progress: unknown } | { done: unknown } | { failed: string }

interface Start {
  /** Script and arguments. */
  script: string
  args?: string[]
  env: Record<string, string | undefined>
  flags?: string[]
  /** Gets what it prints. */
  logFile: string
}

const startMax_ms = 30_000
const stopMax_ms = 5_000

/** Starts a script that calls `serveParent`, and waits until it is ready. */
export async function startChild({ script, args = [], env, flags = [], logFile }: Start): Promise<Child> {
  const log = openSync(logFile, 'a')
  const child = fork(script, args, { env, execArgv: flags, stdio: ['ignore', log, log, 'ipc'] })
  closeSync(log)
  const title = [script, ...args].join(' ')
  const url = await new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => fail(`is not ready after ${startMax_ms} ms`), startMax_ms)
    const fail = (why: string) => {
      clearTimeout(late)
      child.kill('SIGKILL')
      reject(new Error(`${title} ${why}\n${readFileSync(logFile, 'utf8').slice(-2_000)}`))
    }
    const onExit = () => fail('ended')
    child.once('exit', onExit)
    child.once('error', onExit)
    child.once('message', (up: Up) => {
      clearTimeout(late)
      child.off('exit', onExit)
      if ('ready' in up) resolve(up.ready)
      else fail('failed' in up ? up.failed : 'said something else first')
    })
  })
  child.on('error', () => undefined)
  return {
    pid: child.pid ?? 0,
    url,
    ask: (task, onProgress) => asked(child, title, task, onProgress),
    stop: () => stopped(child),
  }
}

function asked<R>(
  child: ChildProcess,
  title: string,
  task: unknown,
  onProgress?: (progress: unknown) => void,
): Promise<R> {
  return new Promise<R>((resolve, reject) => {
    const end = () => {
      child.off('message', onMessage)
      child.off('exit', onExit)
    }
    const onExit = () => {
      end()
      reject(new Error(`${title} ended while it worked`))
    }
    const onMessage = (up: Up) => {
      if ('progress' in up) return onProgress?.(up.progress)
      end()
      if ('done' in up) resolve(up.done as R)
      else reject(new Error(`${title}: ${'failed' in up ? up.failed : 'an unexpected message'}`))
    }
    child.on('message', onMessage)
    child.once('exit', onExit)
    child.send({ task })
  })
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  if (child.connected) child.disconnect()
  const late = setTimeout(() => child.kill('SIGKILL'), stopMax_ms)
  await ended
  clearTimeout(late)
}

/** The child's side: says it is ready, does what it is asked, and calls `end` when the parent lets go or is gone. */
export function serveParent<T, R>(
  work: (task: T, tell: (progress: unknown) => void) => Promise<R>,
  end: () => void,
  ready = '',
): void {
  const say = (up: Up) => process.send?.(up)
  process.on('disconnect', end)
  process.on('SIGINT', () => undefined) // a Ctrl-C reaches the whole group: the parent says when to end
  process.on('message', ({ task }: { task: T }) => {
    work(task, (progress) => say({ progress })).then(
      (done) => say({ done }),
      (error: unknown) => say({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    )
  })
  say({ ready })
}
