import { type Database, indexLag } from '@ordermill/database'

/** How far search is behind Postgres: changes at most, and the age of the oldest. */
export interface LagNow {
  changes: number
  seconds: number
}
export type Lag = () => Promise<LagNow>

/** Asked at most once in this time: a search must not cost Postgres two look-ups. */
const freshFor_ms = 1_000

/** The lag of a collection's index as Postgres knows it. */
export function createLag(database: Database, collection: string, indexPrefix: string): Lag {
  let known: Promise<LagNow> | undefined
  let askedAt = Number.NEGATIVE_INFINITY
  return () => {
    if (known !== undefined && performance.now() - askedAt <= freshFor_ms) return known
    askedAt = performance.now()
    const asked = indexLag(database, collection, indexPrefix)
    known = asked
    asked.catch(() => {
      if (known === asked) known = undefined
    })
    return asked
  }
}

/** The lag of each engine there is, as far as it is known. */
export async function lagsOf(lags: { elasticsearch: Lag; postgres: Lag }, hasEngine: boolean) {
  const names = hasEngine ? (['elasticsearch', 'postgres'] as const) : (['postgres'] as const)
  const known = await Promise.all(
    names.map(async (engine) => ({ engine, seconds: (await lags[engine]().catch(() => undefined))?.seconds })),
  )
  return known.flatMap(({ engine, seconds }) => (seconds === undefined ? [] : [{ engine, seconds }]))
}
