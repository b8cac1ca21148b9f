import { accept } from './accept.ts'
import type { Case } from './case.ts'

/** All cases, in the order in which they run. */
export const cases: Case[] = [accept]
