import { accept } from './accept.ts'
import { bulk } from './bulk.ts'
import type { Case } from './case.ts'
import { drain } from './drain.ts'
import { growth } from './growth.ts'
import { latency } from './latency.ts'
import { read } from './read.ts'
import { reindex } from './reindex.ts'
import { search } from './search.ts'
import { whole } from './whole.ts'

/** All cases, in the order in which they run. */
export const cases: Case[] = [accept, bulk, drain, whole, latency, reindex, read, search, growth]
