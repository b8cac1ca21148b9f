import { environment } from '@ordermill/config'
import { banner } from './banner.ts'
import { type Command, readCommand, usage } from './command.ts'
import { Guard } from './guard.ts'
import { placeOrdersOf } from './orders.ts'
import { asLines, type Platform, type Surroundings, startDevelopmentServers, startPlatform } from './platform.ts'
import { ServerProblem, toError } from './problem.ts'

// `npm start`. The first signal stops everything in order, the second one at once.
const stopping = new AbortController()
let running: Pick<Platform, 'stop' | 'kill'> | undefined
let ended: Promise<void> | undefined

async function main(): Promise<void> {
  const command = readCommand(process.argv.slice(2))
  if (command.help) {
    console.log(usage)
    return
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => onSignal(signal))
  // The launcher is gone, and with it whoever could have sent us a signal.
  process.on('disconnect', () => onSignal('SIGTERM'))
  process.channel?.unref()
  const around = { env: environment(), command, log: (line: string) => console.error(line) }
  await (command.serversOnly ? serversOnly(around) : everything(around, command))
}

async function serversOnly(around: Surroundings): Promise<void> {
  const guard = new Guard()
  const servers = await startDevelopmentServers(around, guard, stopping.signal)
  const stop = async () => {
    await servers.stop()
    guard.close()
  }
  onStarted({ stop, kill: () => servers.kill() })
  for (const note of servers.notes) around.log(note)
  process.stdout.write(asLines(servers.env))
}

async function everything(around: Surroundings, command: Command): Promise<void> {
  const platform = await startPlatform(around, stopping.signal)
  onStarted(platform)
  if (stopping.signal.aborted) return
  console.log(banner(platform))
  if (command.orders === undefined) return
  const complete = await placeOrdersOf(command.orders, platform, stopping.signal)
  if (command.exit && !stopping.signal.aborted) await end(complete ? 0 : 1)
}

function onStarted(platform: Pick<Platform, 'stop' | 'kill'>): void {
  running = platform
  if (stopping.signal.aborted) void end(130)
}

function onSignal(signal: NodeJS.Signals): void {
  if (!stopping.signal.aborted) {
    console.error(signal === 'SIGINT' ? '\nStopping (once more: at once)' : 'Stopping')
    stopping.abort()
    if (running) void end(signal === 'SIGINT' ? 130 : 0)
    return
  }
  // What is not ours to kill here, the guard ends: it sees us go.
  const hardEnd = running?.kill() ?? Promise.resolve()
  void hardEnd.finally(() => process.exit(130))
}

function end(code: number): Promise<void> {
  ended ??= (running?.stop() ?? Promise.resolve()).then(
    () => process.exit(code),
    (error: unknown) => {
      console.error(toError(error).message)
      process.exit(1)
    },
  )
  return ended
}

main().catch(async (error: unknown) => {
  if (stopping.signal.aborted) process.exit(130)
  console.error(error instanceof ServerProblem ? error.message : error)
  await running?.stop().catch(() => undefined)
  process.exit(1)
})
