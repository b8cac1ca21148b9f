import { replaceDrivers } from './drivers/hooks.ts'

// The steps of cache-steps.ts on a Redis in memory: what was answered and what it holds afterwards, as JSON.
replaceDrivers()
const { runInMemory } = await import('./cache-run.ts')
const [seed = 0, steps = 0] = process.argv.slice(2).map(Number)
process.stdout.write(JSON.stringify(await runInMemory(seed, steps)))
