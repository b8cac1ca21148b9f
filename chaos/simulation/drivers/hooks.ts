import { registerHooks } from 'node:module'

const drivers: Record<string, string> = {
  amqplib: new URL('./amqplib.ts', import.meta.url).href,
  ioredis: new URL('./ioredis.ts', import.meta.url).href,
}

/** Every look at all buckets of the cache costs as many commands, and the few records of a simulation fill no more than these. */
const fewBuckets = { search: 'export const buckets = 64', replace: 'export const buckets = 4' }
const bucketsUrl = new URL('../../../packages/cache/keys.ts', import.meta.url).href

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

/** Makes the product spread its keys over a few buckets. To be called before any of it is imported. */
export function useFewBuckets(): void {
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context)
      return url === bucketsUrl ? { ...loaded, source: withFewBuckets(String(loaded.source)) } : loaded
    },
  })
}

/** @throws Error where the number of buckets does not stand where it is sought */
function withFewBuckets(source: string): string {
  const { search, replace } = fewBuckets
  if (!source.includes(search)) throw new Error(`packages/cache/keys.ts has nothing like: ${search}`)
  return source.replace(search, replace)
}
