import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { environment } from '@ordermill/config'
import { corner } from '@ordermill/servers/testing'
import t from 'tap'
import { startTestApi, startTestWorker } from '../services/testing.ts'
import { runCurlLines } from './curl-lines.ts'

const page = readFileSync(join(import.meta.dirname, '../docs/search.md'), 'utf8')

t.test('every curl line of the page on search works, in order, with the status it names', async (t) => {
  const { env } = await corner(t, environment())
  const { url } = await startTestApi(t, env)
  const { address } = await startTestWorker(t, env)
  t.ok((await runCurlLines(t, page, { api: url, worker: address })) >= 5)
})
