import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { backoffMs } from './backoff.ts'
import { explainEnd, explainSilence } from './explain.ts'
import type { Guard } from './guard.ts'
import { logSize, openLog } from './log-file.ts'
import type { Plan } from './plan.ts'
import { isFree, PortTaken } from './ports.ts'
import { explainDisk } from './problem.ts'
import { groupLeft, isRunning, type ProcessId, processId, processTree, signalProcess } from './process-table.ts'
import { waitFor } from './waiting.ts'

/** After this long without dying a process counts as well again, and backoff starts over. */
const WELL_AFTER_MS = 30_000

type Options = { guard: Guard; log: (line: string) => void; restart: boolean }
type Run = { id: ProcessId; child: ChildProcess; ended: Promise<void>; since: number }

/**
 * Runs one program: starts it and waits until it answers, starts it again when it dies (if asked to), stops it in
 * order. start() and stop() may be called at any time and any number of times; calls in flight are shared.
 */
export class Supervised {
  readonly plan: Plan
  readonly #options: Options
  #run: Run | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #abort = new AbortController()
  #wanted = false
  #failures = 0

  constructor(plan: Plan, options: Options) {
    this.plan = plan
    this.#options = options
  }

  /** The pid of the main process, while it runs. */
  get pid(): number | undefined {
    return this.#run?.id.pid
  }

  /** Resolves when the server answers. Throws ServerProblem when it cannot be had. */
  start(): Promise<void> {
    this.#wanted = true
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined
    })
    return this.#starting
  }

  /** What ends from now on was meant to: it is not started again. */
  expectEnd(): void {
    this.#wanted = false
    this.#abort.abort()
  }

  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void> {
    this.expectEnd()
    this.#stopping ??= this.#stop().finally(() => {
      this.#stopping = undefined
    })
    return this.#stopping
  }

  /**
   * Sends a signal. SIGKILL, SIGSTOP and SIGCONT strike the whole tree of processes, as a power cut or a hang
   * would; with SIGKILL the promise resolves when all are gone.
   */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const run = this.#run
    if (!run) return
    const whole = signal === 'SIGKILL' || signal === 'SIGSTOP' || signal === 'SIGCONT'
    const tree = whole ? processTree(run.id) : [run.id]
    for (const id of tree) signalProcess(id, signal)
    if (signal !== 'SIGKILL') return
    await run.ended
    await waitFor(() => (tree.some(isRunning) ? undefined : true), { timeoutMs: 5_000, everyMs: 10 })
  }

  async #start(): Promise<void> {
    await this.#stopping
    if (this.#run) return
    if (!this.#wanted) throw new Error(`${this.plan.title} was stopped before it was started`)
    this.#abort = new AbortController()
    const { signal } = this.#abort
    try {
      await this.#endLeftover()
      await this.plan.prepare(signal)
      for (const port of this.plan.ports) {
        const free = await waitFor(async () => (await isFree(port.number)) || undefined, { timeoutMs: 2_000, signal })
        if (!free) throw new PortTaken(this.plan.title, port)
      }
      await this.#spawnAndWait(signal)
    } catch (error) {
      if (this.#run) await this.#end()
      throw explainDisk(error, this.plan.dataDir)
    }
  }

  async #spawnAndWait(signal: AbortSignal): Promise<void> {
    const { plan } = this
    const logFrom = logSize(plan.logFile)
    const run = await this.#spawn()
    const attempt = async (): Promise<true | 'ended' | undefined> => {
      if (this.#run !== run) return 'ended'
      await plan.ready(AbortSignal.any([signal, AbortSignal.timeout(5_000)]))
      return true
    }
    const answer = await waitFor(attempt, { timeoutMs: plan.readyTimeoutMs, signal })
    if (answer === 'ended') throw explainEnd(plan, run.child, logFrom)
    if (!answer) throw explainSilence(plan)
  }

  async #spawn(): Promise<Run> {
    const { plan } = this
    const log = openLog(plan.logFile)
    // Its own process group: a Ctrl-C in the terminal is ours to pass on, in our order.
    const child = spawn(plan.command, plan.args, {
      cwd: plan.cwd ?? plan.dataDir,
      env: plan.env,
      detached: true,
      stdio: ['ignore', log, log],
      ...plan.account,
    })
    closeSync(log)
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject))
    child.on('error', () => undefined)
    const pid = child.pid ?? 0
    const id = processId(pid) ?? { pid, started: 'ended at once' }
    const ended = new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve()
      else child.once('exit', () => resolve())
    })
    const run: Run = { id, child, ended, since: performance.now() }
    this.#run = run
    this.#options.guard.add({ ...id, signal: plan.stopSignal, graceMs: 10_000 })
    writeFileSync(this.#pidFile, JSON.stringify(id))
    void ended.then(() => this.#onEnd(run))
    return run
  }

  #onEnd(run: Run): void {
    for (const left of groupLeft(run.id.pid)) signalProcess(left, 'SIGKILL')
    this.#options.guard.drop(run.id.pid)
    rmSync(this.#pidFile, { force: true })
    if (this.#run === run) this.#run = undefined
    if (!this.#options.restart || !this.#wanted || this.#starting) return
    if (performance.now() - run.since > WELL_AFTER_MS) this.#failures = 0
    const how = run.child.signalCode ? `was killed by ${run.child.signalCode}` : `ended with code ${run.child.exitCode}`
    void this.#revive(how)
  }

  async #revive(how: string): Promise<void> {
    let reason = how
    while (this.#wanted) {
      const { signal } = this.#abort
      const delay = backoffMs(this.#failures++)
      this.#options.log(
        `${this.plan.title} ${reason}; starting it again in ${(delay / 1000).toFixed(1)} s (${this.plan.logFile})`,
      )
      try {
        await sleep(delay, undefined, { signal })
        await this.start()
        this.#options.log(`${this.plan.title} is back`)
        return
      } catch (error) {
        if (!this.#wanted) return
        reason = `did not come back: ${explainDisk(error, this.plan.dataDir).message}`
      }
    }
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => undefined)
    await this.#end()
  }

  async #end(): Promise<void> {
    const run = this.#run
    if (!run) return
    const tree = processTree(run.id)
    signalProcess(run.id, this.plan.stopSignal)
    // One that hangs on SIGSTOP would never see the signal.
    for (const id of tree) signalProcess(id, 'SIGCONT')
    const over = new AbortController()
    const late = sleep(this.plan.stopTimeoutMs, undefined, { signal: over.signal }).catch(() => undefined)
    await Promise.race([run.ended, late])
    over.abort()
    for (const left of [...tree, ...processTree(run.id)]) signalProcess(left, 'SIGKILL')
    await run.ended
  }

  get #pidFile(): string {
    return `${this.plan.dataDir}.pid`
  }

  /** What an earlier run left behind when even its guard was killed: ended here, if it is really the same process. */
  async #endLeftover(): Promise<void> {
    let left: ProcessId
    try {
      left = JSON.parse(readFileSync(this.#pidFile, 'utf8')) as ProcessId
    } catch {
      return
    }
    // A guard may be at work on it just now.
    const gone = (): true | undefined => (isRunning(left) ? undefined : true)
    const tree = processTree(left)
    signalProcess(left, this.plan.stopSignal)
    await waitFor(gone, { timeoutMs: this.plan.stopTimeoutMs })
    for (const id of tree) signalProcess(id, 'SIGKILL')
    await waitFor(() => (tree.some(isRunning) ? undefined : true), { timeoutMs: 5_000 })
    rmSync(this.#pidFile, { force: true })
  }
}
