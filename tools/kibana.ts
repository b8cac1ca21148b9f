import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { environment, readOptions } from '@ordermill/config'
import { orders } from '@ordermill/model'
import { indexDefinition } from '@ordermill/search'

const help = `npm run kibana [-- --url URL]

Imports the data view of the search index and a dashboard of orders, revenue and status (kibana/orders.ndjson) into Kibana, over what
was imported before. Kibana is at --url, else http://127.0.0.1:5601 (KIBANA_PORT); NAMESPACE names the index, and
ELASTICSEARCH_API_KEY is sent where it is set.`

interface Imported {
  success?: boolean
  successCount?: number
  errors?: { type: string; id: string; error: { type: string; message?: string } }[]
  message?: string
}

/** The objects as they are imported: the data view is of the index with this name. */
const objectsOf = (alias: string): string =>
  readFileSync(join(import.meta.dirname, '../kibana/orders.ndjson'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const one = JSON.parse(line) as { type: string; attributes: Record<string, unknown> }
      if (one.type === 'index-pattern') one.attributes['title'] = alias
      return `${JSON.stringify(one)}\n`
    })
    .join('')

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { url: { type: 'string' }, help: { type: 'boolean' } } })
  if (values.help === true) return console.log(help)
  const env = environment()
  const { NAMESPACE, ELASTICSEARCH_API_KEY: key } = readOptions(env, ['NAMESPACE', 'ELASTICSEARCH_API_KEY'])
  const base = (values.url ?? `http://127.0.0.1:${env['KIBANA_PORT'] ?? '5601'}`).replace(/\/+$/, '')
  const body = new FormData()
  const objects = objectsOf(indexDefinition(orders, NAMESPACE).alias)
  body.set('file', new Blob([objects], { type: 'application/x-ndjson' }), 'orders.ndjson')
  const headers = { 'kbn-xsrf': 'true', ...(key === '' ? {} : { authorization: `ApiKey ${key}` }) }
  const response = await fetch(`${base}/api/saved_objects/_import?overwrite=true`, {
    method: 'POST',
    headers,
    body,
  }).catch((cause: unknown) => {
    throw new Error(`no Kibana answers at ${base}`, { cause })
  })
  const text = await response.text()
  const said = (text.startsWith('{') ? JSON.parse(text) : { message: text }) as Imported
  if (!response.ok) throw new Error(`${response.status}: ${said.message ?? ''}`)
  const errors = (said.errors ?? []).map(({ type, id, error }) => `\n  ${type} ${id}: ${error.message ?? error.type}`)
  if (said.success !== true) throw new Error(`not all could be imported:${errors.join('')}`)
  console.log(`${said.successCount} objects imported: ${base}/app/dashboards#/view/ordermill-dashboard`)
}

await main(process.argv.slice(2)).catch((thrown: unknown) => {
  console.error(thrown instanceof Error ? thrown.message : String(thrown))
  process.exitCode = 1
})
