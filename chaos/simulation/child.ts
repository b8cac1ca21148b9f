import { runSeeds, type Seeds } from './seeds.ts'

// Simulates the seeds that it is given as JSON, and tells whoever started it.
const seeds = JSON.parse(process.argv[2] ?? '') as Seeds
process.once('disconnect', () => process.kill(process.pid)) // nobody waits for it any more
await runSeeds(seeds, (progress) => process.send?.(progress))
process.disconnect()
