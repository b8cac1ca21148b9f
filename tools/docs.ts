import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { asyncapiOf, openapiOf } from './documents.ts'

// `npm run docs`: writes docs/openapi.json and docs/asyncapi.json from the code; with --check, says which are out of date.
const repository = join(import.meta.dirname, '..')
const documents = { 'docs/openapi.json': await openapiOf(), 'docs/asyncapi.json': asyncapiOf() }
const check = process.argv.includes('--check')

for (const [name, document] of Object.entries(documents)) {
  const path = join(repository, name)
  const text = `${JSON.stringify(document, null, 2)}\n`
  if (!check) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    console.log(`${name} written`)
  } else if (readFileSync(path, 'utf8') !== text) {
    console.error(`${name} is out of date: run npm run docs`)
    process.exitCode = 1
  }
}
