import { parseArgs } from 'node:util'
import { readOptions } from '@ordermill/config'
import { createDatabase } from '@ordermill/database'
import { orders } from '@ordermill/model'
import { createIndexSnapshots, engineOptionNames, indexDefinition, searchClientOf } from '@ordermill/search'
import { withServers } from './server-addresses.ts'

const help = `npm run snapshot                      takes a snapshot of the search index, and waits for it
npm run snapshot -- list
npm run snapshot -- restore NAME      (or: latest) puts it in the place of the index; services may run. The index that it replaces
                                      is deleted once a worker has turned to the new one; else, after --wait SECONDS (30), it is left
npm run snapshot -- remove NAME

Snapshots go to the repository SNAPSHOT_REPOSITORY of Elasticsearch (a folder below its path.repo, unless it is another kind). The
engine is that of the environment (ELASTICSEARCH_URL and its like, NAMESPACE), else the one that 'npm start' keeps.`

/** How often is looked whether a worker has turned to the restored index. */
const look_ms = 500
const options = { wait: { type: 'string', default: '30' } } as const

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  const [command = 'take', name = '', ...rest] = positionals
  const wait_ms = Number(values.wait) * 1_000
  if (!(wait_ms >= 0)) throw new Error(`--wait ${values.wait}: give a number of seconds`)
  const needsName = command === 'restore' || command === 'remove'
  if (!(needsName || command === 'take' || command === 'list') || rest.length > 0 || needsName === (name === ''))
    return console.log(help)
  const names = [...engineOptionNames, 'POSTGRES_DSN', 'NAMESPACE', 'SNAPSHOT_REPOSITORY'] as const
  const configured = readOptions(withServers(), names)
  const client = searchClientOf(configured, 30_000)
  if (client === undefined) throw new Error('there is no search engine: set ELASTICSEARCH_URL')
  const { SNAPSHOT_REPOSITORY: repository, NAMESPACE, POSTGRES_DSN: dsn } = configured
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
      console.log(`${name} restored as ${index}; the worker feeds it again from the first change`)
      if (replaced.length === 0) return
      if (await isLeft(dsn, index, wait_ms)) await client.indices.delete({ index: replaced, ignore_unavailable: true })
      else console.log(`no worker has turned to it yet: what it replaces is left, to be deleted later: ${replaced}`)
    }
  } finally {
    await client.close()
  }
}

/**
 * Whether nobody writes to the index before any more: a worker has a cursor of the new one, which takes seconds, or none runs. False if
 * that has not come about within `wait_ms`.
 */
async function isLeft(dsn: string, index: string, wait_ms: number): Promise<boolean> {
  const database = createDatabase({
    dsn,
    name: 'ordermill-snapshot',
    poolMax: 1,
    timeout_ms: 5_000,
    onLost: () => undefined,
  })
  try {
    const isSo = async () => {
      const [row] = await database.query<{ workers: number; followed: boolean }>({
        text: `SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'ordermill-worker') AS workers,
          EXISTS (SELECT FROM search_cursors WHERE index_name = $1 AND role = 'serving') AS followed`,
        values: [index],
      })
      return row !== undefined && (row.workers === 0 || row.followed)
    }
    for (const until = performance.now() + wait_ms; ; await new Promise((resolve) => setTimeout(resolve, look_ms))) {
      if (await isSo()) return true
      if (performance.now() >= until) return false
    }
  } finally {
    await database.stop()
  }
}

await main(process.argv.slice(2)).catch((thrown: unknown) => {
  console.error(thrown instanceof Error ? thrown.message : String(thrown))
  process.exitCode = 1
})
