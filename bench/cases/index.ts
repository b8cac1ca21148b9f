import { accept } from './accept.ts'
import type { Case } from './case.ts'
import { drain } from './drain.ts'
import { read } from './read.ts'

/** All cases, in the order in which they run. */
export const cases: Case[] = [accept, drain, read]
