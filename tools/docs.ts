import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { asyncapiOf, openapiOf } from './documents.ts'
import { withTables } from './ops-page.ts'

// `npm run docs`: writes what of docs/ is made from the code; with --check, says what is out of date.
const repository = join(import.meta.dirname, '..')
const asJson = (document: unknown) => `${JSON.stringify(document, null, 2)}\n`
const page = 'docs/ops.md'
const documents = {
  'docs/openapi.json': asJson(await openapiOf()),
  'docs/asyncapi.json': asJson(asyncapiOf()),
  [page]: withTables(readFileSync(join(repository, page), 'utf8')),
}
const check = process.argv.includes('--check')

for (const [name, text] of Object.entries(documents)) {
  const path = join(repository, name)
  if (!check) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    console.log(`${name} written`)
  } else if (readFileSync(path, 'utf8') !== text) {
    console.error(`${name} is out of date: run npm run docs`)
    process.exitCode = 1
  }
}
