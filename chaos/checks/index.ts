import { itAddsUp, parkedIsIntact } from './accounting.ts'
import { cacheEqualsPostgres, writesAreRead } from './cache.ts'
import type { Check } from './evidence.ts'
import { nothingIsLost, nothingRefusedTurnsUp } from './lost.ts'
import { bulksAreWhole, keysActOnce } from './once.ts'
import { nothingFails, processesHold, recoversSoon } from './processes.ts'
import { searchEqualsPostgres } from './search.ts'
import { nothingIsUnexpected } from './unexpected.ts'
import { readsNeverGoBack, versionsChain } from './versions.ts'
import { viewEqualsRecount } from './views.ts'

/** Every promise, in their order. */
export const checks: Check[] = [
  ...[nothingIsLost, nothingRefusedTurnsUp],
  nothingIsUnexpected,
  ...[keysActOnce, bulksAreWhole],
  ...[versionsChain, readsNeverGoBack],
  searchEqualsPostgres,
  ...[cacheEqualsPostgres, writesAreRead],
  ...[itAddsUp, parkedIsIntact],
  ...[processesHold, nothingFails],
  recoversSoon,
  viewEqualsRecount,
]
