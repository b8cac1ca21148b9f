import { type EngineClient, type IndexDefinition, keepIndex } from '@ordermill/search'
import type { Logger } from '@ordermill/telemetry'
import { backoff_ms, pause } from './waiting.ts'

interface KeeperParts {
  engine: EngineClient
  definition: IndexDefinition
  /** Where snapshots go; '': nowhere. */
  repository: string
  log: Logger
}

/** How often is looked: an engine may have been wiped, or the configuration of another worker is newer. */
const every_ms = 5 * 60_000

/** Sets up what stands around the index, and keeps it so, until `signal` aborts. Says what it did, and what the engine does not offer, once. */
export async function keepIndexAsConfigured(
  { engine, definition, repository, log }: KeeperParts,
  signal: AbortSignal,
): Promise<void> {
  const said = new Set<string>()
  let failures = 0
  while (!signal.aborted) {
    try {
      for (const { part, outcome, detail } of await keepIndex(engine, definition, repository)) {
        const line = `${part} ${outcome} ${detail ?? ''}`
        if (outcome === 'set') log.info({ part, detail }, 'set up at the search engine')
        else if (said.has(line)) continue
        else if (outcome === 'refused') log.warn({ part, detail }, 'the search engine refuses this')
        else if (outcome === 'not-offered') log.info({ part, detail }, 'the search engine does not offer this')
        said.add(line)
      }
      failures = 0
    } catch (err) {
      failures += 1
      log.debug({ err }, 'the search engine is set up later')
    }
    await pause(failures > 0 ? backoff_ms(failures) : every_ms, signal)
  }
}
