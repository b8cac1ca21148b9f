import { loadEdited } from '../edits.ts'
import { mutations } from './mutations.ts'
import type { Part } from './processes.ts'
import { runSeeds } from './seeds.ts'

// Simulates the seeds that it is given as JSON, and tells whoever started it.
const { without, ...seeds } = JSON.parse(process.argv[2] ?? '') as Part
const end = () => process.kill(process.pid)
process.once('disconnect', end) // nobody waits for it any more
if (without !== undefined) loadEdited(mutations.filter((one) => one.without === without))
await runSeeds(seeds, (progress) => process.send?.(progress))
process.off('disconnect', end)
process.disconnect()
