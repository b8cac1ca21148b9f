import { registerHooks } from 'node:module'

const drivers: Record<string, string> = {
  amqplib: new URL('./amqplib.ts', import.meta.url).href,
  ioredis: new URL('./ioredis.ts', import.meta.url).href,
}

/**
 * Makes the product load what connects to simulated servers instead of its drivers: its own code runs as it is, down to the
 * listeners on a connection. To be called before any of it is imported.
 */
export function replaceDrivers(): void {
  registerHooks({
    resolve: (specifier, context, next) => {
      const url = drivers[specifier]
      return url === undefined ? next(specifier, context) : { url, format: 'module-typescript', shortCircuit: true }
    },
  })
}
