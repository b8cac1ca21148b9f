import { acceptBare } from './accept-bare.ts'
import { acceptBullmq } from './accept-bullmq.ts'
import { acceptCore, acceptFloor } from './accept-floor.ts'
import { acceptInsert } from './accept-insert.ts'
import { acceptPgBoss } from './accept-pg-boss.ts'
import { acceptUnconfirmed } from './accept-unconfirmed.ts'
import { drainBullmq } from './drain-bullmq.ts'
import { drainFloor } from './drain-floor.ts'
import { drainOneByOne } from './drain-one-by-one.ts'
import { drainPgBoss } from './drain-pg-boss.ts'
import { indexFloor } from './index-floor.ts'
import { readFloor } from './read-floor.ts'

/** Something beside the product that does part of its work. `url` is '' where nothing is asked of it. */
export interface Floor {
  url: string
  stop(): Promise<void>
}

/** All of them by name. Those that take from a queue of their own put so many orders into it first. */
export const floors: Record<string, (count: number) => Promise<Floor>> = {
  'accept/bare': acceptBare,
  'accept/floor': acceptFloor,
  'accept/core': acceptCore,
  'accept/insert': acceptInsert,
  'accept/bullmq': acceptBullmq,
  'accept/pg-boss': acceptPgBoss,
  'accept/unconfirmed': acceptUnconfirmed,
  'drain/floor': drainFloor,
  'drain/one-by-one': drainOneByOne,
  'drain/bullmq': drainBullmq,
  'drain/pg-boss': drainPgBoss,
  'whole/index': indexFloor,
  'read/floor': readFloor,
}
