import { ConfigError, environment, helpOf, readOptions } from '@ordermill/config'
import { toError } from '@ordermill/model'
import { createLogger } from '@ordermill/telemetry'
import { workerOptionNames } from './options.ts'
import { startWorker } from './worker.ts'

/** Runs the worker until a signal; the second signal ends it at once. `--help` prints its options. */
async function main(): Promise<void> {
  if (process.argv.includes('--help'))
    return void process.stdout.write(helpOf('The worker', workerOptionNames, environment()))
  const options = readOptions(environment(), workerOptionNames)
  const root = createLogger({ service: 'worker', level: options.LOG_LEVEL })
  const log = root.child({ component: 'process' })
  const worker = await startWorker(options, root)
  worker.failed.catch((err: unknown) => {
    log.fatal({ err }, toError(err).message)
    process.exit(1)
  })
  let stopping = false
  const stop = (signal: string) => {
    if (stopping) process.exit(130)
    stopping = true
    log.info({ signal }, 'stopping: the batch in hand is finished first')
    setTimeout(() => process.exit(1), options.SHUTDOWN_MS + 5_000).unref()
    worker.stop().then(
      () => process.exit(0),
      (err: unknown) => {
        log.error({ err }, 'the stop was not clean')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  log.info({ address: worker.address }, 'the worker runs')
}

main().catch((thrown: unknown) => {
  console.error(thrown instanceof ConfigError ? thrown.message : toError(thrown).stack)
  process.exit(1)
})
