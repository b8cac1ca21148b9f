import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError, environment, helpOf, readOptions } from '@ordermill/config'
import { toError } from '@ordermill/model'
import { createLogger } from '@ordermill/telemetry'
import { buildApp } from './app.ts'
import { apiOptionNames } from './parts.ts'

/** Runs the API until a signal; the second signal ends it at once. `--help` prints its options. */
async function main(): Promise<void> {
  if (process.argv.includes('--help'))
    return void process.stdout.write(helpOf('The API', apiOptionNames, environment()))
  const options = readOptions(environment(), apiOptionNames)
  const root = createLogger({ service: 'api', level: options.LOG_LEVEL })
  const log = root.child({ component: 'process' })
  if (options.ADMIN_TOKEN === '') log.warn('ADMIN_TOKEN is not set: everybody may use /api/admin')

  const { app, listen, brokerReady, unfit, leave } = await buildApp(options, root)
  Promise.race([brokerReady.then(() => unfit), unfit]).catch((err: unknown) => {
    log.fatal({ err }, toError(err).message)
    process.exit(1)
  })
  let stopping = false
  const stop = (signal: string) => {
    if (stopping) process.exit(130)
    stopping = true
    log.info({ signal }, 'stopping: what is in flight is finished first')
    const delay_ms = signal === 'SIGTERM' ? options.SHUTDOWN_DELAY_MS : 0 // nobody balances to what a terminal interrupts
    setTimeout(() => process.exit(1), delay_ms + options.SHUTDOWN_MS + 2_000).unref()
    leave()
    sleep(delay_ms)
      .then(() => app.close())
      .then(
        () => process.exit(0),
        (err: unknown) => {
          log.error({ err }, 'the stop was not clean')
          process.exit(1)
        },
      )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  const address = await listen({ host: options.API_HOST, port: options.API_PORT })
  log.info({ address }, 'the API listens')
}

main().catch((thrown: unknown) => {
  console.error(thrown instanceof ConfigError ? thrown.message : toError(thrown).stack)
  process.exit(1)
})
