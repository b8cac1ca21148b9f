import { readOptions } from '@ordermill/config'
import { createDatabase } from '@ordermill/database'
import { orders } from '@ordermill/model'
import {
  createIndexSnapshots,
  type EngineClient,
  engineOptionNames,
  indexDefinition,
  searchClientOf,
} from '@ordermill/search'
import { withServers } from './server-addresses.ts'

const help = `npm run snapshot                      takes a snapshot of the search index, and waits for it
npm run snapshot -- list
npm run snapshot -- restore NAME      (or: latest) puts it in the place of the index; services may run
npm run snapshot -- remove NAME

Snapshots go to the repository SNAPSHOT_REPOSITORY of Elasticsearch (a folder below its path.repo, unless it is another kind). The
engine is that of the environment (ELASTICSEARCH_URL and its like, NAMESPACE), else the one that 'npm start' keeps.`

/** How long is waited for a worker to turn to the restored index, before the one that it replaces is deleted. */
const patience_ms = 20_000
const look_ms = 500

async function main([command = 'take', name = '', ...rest]: string[]): Promise<void> {
  const needsName = command === 'restore' || command === 'remove'
  if (!(needsName || command === 'take' || command === 'list') || rest.length > 0 || needsName === (name === ''))
    return console.log(help)
  const options = readOptions(withServers(), [...engineOptionNames, 'POSTGRES_DSN', 'NAMESPACE', 'SNAPSHOT_REPOSITORY'])
  const client = searchClientOf(options, 30_000)
  if (client === undefined) throw new Error('there is no search engine: set ELASTICSEARCH_URL')
  const { SNAPSHOT_REPOSITORY: repository, NAMESPACE, POSTGRES_DSN: dsn } = options
  if (repository === '') throw new Error('there is nowhere to put it: set SNAPSHOT_REPOSITORY')
  try {
    const { alias } = indexDefinition(orders, NAMESPACE)
    const snapshots = createIndexSnapshots({ client, alias, repository })
    if (command === 'list') {
      const all = await snapshots.list()
      for (const one of all) console.log([one.name, one.taken_at, one.state, one.index].join('  '))
      if (all.length === 0) console.log(`no snapshots in ${repository}`)
    } else if (command === 'take') {
      console.log(`${(await snapshots.take()).name} taken`)
    } else if (command === 'remove') {
      await snapshots.remove(name)
      console.log(`${name} removed`)
    } else {
      const { index, replaced } = await snapshots.restore(name)
      await untilFollowed(dsn, index)
      await removeReplaced(client, replaced)
      console.log(`${name} restored as ${index}; the worker feeds it again from the first change`)
    }
  } finally {
    await client.close()
  }
}

/** A worker turns to another index within seconds; where none runs nobody writes to the old one either. */
async function untilFollowed(dsn: string, index: string): Promise<void> {
  const database = createDatabase({
    dsn,
    name: 'ordermill-snapshot',
    poolMax: 1,
    timeout_ms: 5_000,
    onLost: () => undefined,
  })
  try {
    const isServed = async () => {
      const [row] = await database.query<{ workers: number; followed: boolean }>({
        text: `SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'ordermill-worker') AS workers,
          EXISTS (SELECT FROM search_cursors WHERE index_name = $1) AS followed`,
        values: [index],
      })
      return row === undefined || row.workers === 0 || row.followed
    }
    for (const until = performance.now() + patience_ms; performance.now() < until && !(await isServed()); )
      await new Promise((resolve) => setTimeout(resolve, look_ms))
  } finally {
    await database.stop()
  }
}

async function removeReplaced(client: EngineClient, names: string[]): Promise<void> {
  if (names.length > 0) await client.indices.delete({ index: names, ignore_unavailable: true })
}

await main(process.argv.slice(2)).catch((thrown: unknown) => {
  console.error(thrown instanceof Error ? thrown.message : String(thrown))
  process.exitCode = 1
})
